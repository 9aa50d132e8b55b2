//! What is pushed to a mirror, over HTTP (C2SP tlog-mirror, add-checkpoint and add-entries).
//!
//! Nobody needs a token: a checkpoint is signed by its log, and entries are taken only if they are proven to be those of such a
//! checkpoint ([`follower::mirror::push`]). A request is read as it comes, and every package of it is kept before the next is
//! looked at. So however it ends, what was whole counts, and the answer says where to go on.
//!
//! How much may come in is bounded: bytes and time of a body, bytes of all bodies at one time, requests that are worked on at one
//! time ([`crate::limits`]), and for each log how many checkpoints a day.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use follower::{
    mirror::push::{Intake, Pushes},
    witness::service::Reply,
};
use parking_lot::Mutex;
use tlog::mirror::{ENTRIES_CONTENT_TYPE, Package, ReadError, Refusal, Step, Upload};

use super::{
    App,
    arriving::{Arrived, Arriving, Bounds, Coding},
};
use crate::{
    app::Clock,
    body::{self, Room, media_type},
    connection::CallerAddress,
    limits::{self, Timeouts},
    places::Places,
    problem::{Code, Problem},
    witness::respond,
};

/// What may be pushed, and how it is taken in.
pub struct Push {
    pushes: Arc<Pushes>,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    room: Room,
    places: Places,
    callers: Callers,
}

impl Push {
    /// Takes what these logs push, by this clock.
    pub fn new(pushes: Arc<Pushes>, clock: Arc<dyn Clock>, timeouts: Timeouts) -> Self {
        let places = Places::new(limits::UPLOADS_AT_ONCE);
        Self { pushes, clock, timeouts, room: Room::default(), places, callers: Callers::default() }
    }

    async fn begin(&self, upload: Upload) -> Result<Result<Intake, Reply>, Box<Problem>> {
        let pushes = self.pushes.clone();
        self.places.work(move || pushes.begin(&upload)).await
    }

    async fn take(
        &self,
        mut intake: Intake,
        package: Package,
    ) -> Result<Result<Intake, Reply>, Box<Problem>> {
        self.places.work(move || intake.take(package).map(|()| intake)).await
    }

    /// Reads a request and takes what it carries.
    async fn upload(&self, coding: Coding, body: Body) -> Result<Reply, Box<Problem>> {
        let (idle, whole) = (self.timeouts.body, self.timeouts.upload);
        let bounds = Bounds { bytes: limits::UPLOAD_BYTES_MAX, idle, whole };
        let mut arriving = Arriving::new(coding, body, &self.room, bounds);
        let mut taking: Option<Intake> = None;
        let (spoiled, problem) = loop {
            let step = match arriving.next().await {
                Ok(Arrived::Step(step)) => step,
                Ok(Arrived::Over(problem)) => break (None, problem),
                Err(error) => break (Some(error), None),
            };
            let taken = match (step, taking.take()) {
                (Step::Upload(upload), _) => self.begin(upload).await?,
                (Step::Package(package), Some(intake)) => self.take(intake, package).await?,
                (_, intake) => {
                    taking = intake;
                    arriving.tail().await;
                    break (None, None);
                }
            };
            match taken {
                Ok(intake) => taking = Some(intake),
                Err(reply) => return Ok(reply),
            }
        };
        match taking {
            Some(intake) => self.end(intake, spoiled, problem).await,
            None => no_head(spoiled, problem),
        }
    }

    /// The end of a request whose head was taken. What went wrong with its body matters only if nothing of it was taken.
    async fn end(
        &self,
        intake: Intake,
        spoiled: Option<ReadError>,
        problem: Option<Box<Problem>>,
    ) -> Result<Reply, Box<Problem>> {
        let now = self.clock.timestamp();
        let reply = self.places.work(move || intake.end(spoiled, now)).await?;
        match problem {
            Some(problem) if reply.status == StatusCode::BAD_REQUEST.as_u16() => Err(problem),
            _ => Ok(reply),
        }
    }
}

/// How many requests with entries each caller has under way: a few who send slowly leave room for others.
#[derive(Default)]
struct Callers(Mutex<HashMap<IpAddr, usize>>);

/// One request of a caller, under way until this is dropped.
struct UnderWay<'a> {
    callers: &'a Callers,
    caller: IpAddr,
}

impl Callers {
    fn begin(&self, caller: IpAddr) -> Result<UnderWay<'_>, Box<Problem>> {
        let mut all = self.0.lock();
        let has = all.entry(caller).or_default();
        if *has >= limits::UPLOADS_OF_A_CALLER {
            let detail = format!(
                "{} requests with entries are arriving from this address, which are as many as one may send at a time; \
                 try again when one of them is done.",
                limits::UPLOADS_OF_A_CALLER
            );
            return Err(Problem::new(Code::Busy, detail));
        }
        *has += 1;
        Ok(UnderWay { callers: self, caller })
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.callers.0.lock();
        if let Some(has) = all.get_mut(&self.caller) {
            *has -= 1;
            if *has == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

/// The answer to a request whose head could not be read.
fn no_head(spoiled: Option<ReadError>, problem: Option<Box<Problem>>) -> Result<Reply, Box<Problem>> {
    match spoiled {
        Some(error) => Ok(Reply::of_upload(&Refusal::from(error))),
        None => Err(problem.unwrap_or_else(|| {
            Problem::new(Code::BadRequest, "The body ends before it says which entries of which log it has.")
        })),
    }
}

/// Makes a checkpoint pending.
pub(super) async fn add_checkpoint(
    State(app): State<Arc<App>>,
    body: Body,
) -> Result<Response, Box<Problem>> {
    let push = app.push()?;
    let body =
        body::read_within(push.timeouts.body, &push.room, body, limits::WITNESS_BODY_BYTES_MAX).await?;
    let (pushes, bytes, now) = (push.pushes.clone(), body.bytes.clone(), push.clock.timestamp());
    // What is kept becomes pending too, also if the client does not wait for it.
    let judging = tokio::spawn(async move { pushes.add_checkpoint(&bytes, now).await });
    Ok(respond(judging.await.map_err(|error| Problem::internal(&error))?))
}

/// Takes entries of a pending checkpoint, and cosigns it once all of them are here.
pub(super) async fn add_entries(
    State(app): State<Arc<App>>,
    from: Option<Extension<CallerAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = match entries(&app, from.map(|Extension(from)| from), &headers, body).await {
        Ok(reply) => respond(reply),
        Err(problem) => problem.into_response(),
    };
    ([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))], answer).into_response()
}

async fn entries(
    app: &App,
    from: Option<CallerAddress>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Reply, Box<Problem>> {
    let push = app.push()?;
    let _under_way = from.map(|from| push.callers.begin(from.counted())).transpose()?;
    if media_type(headers) != ENTRIES_CONTENT_TYPE {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("Send {ENTRIES_CONTENT_TYPE}.")));
    }
    let other = || Problem::new(Code::UnsupportedMediaType, "Send the body as it is, or as gzip.");
    push.upload(Coding::of(headers).ok_or_else(other)?, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_requests_under_way_and_others_have_theirs() {
        let (callers, [one, other]) =
            (Callers::default(), ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap()));
        let mut begun: Vec<_> = (0..limits::UPLOADS_OF_A_CALLER).map(|_| callers.begin(one).ok()).collect();
        assert!(begun.iter().all(Option::is_some));
        assert_eq!(callers.begin(one).err().unwrap().status().as_u16(), 503);
        assert!(callers.begin(other).is_ok());
        begun.pop();
        assert!(callers.begin(one).is_ok());
        drop(begun);
        assert!(callers.0.lock().is_empty(), "nothing is remembered");
    }
}
