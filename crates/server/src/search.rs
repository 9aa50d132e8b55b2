//! `GET /v1/records?...`: records by who, what, when. The mapping from records to what they are found by is in crate
//! `lookup`, frozen.

use std::{fmt::Write as _, sync::Arc};

use axum::{Json, extract::State};
use lookup::{Entry, Found, LIMIT_MAX, Lookups, Order, Query, QueryError, Take, keys::Kind};
use sequencer::reader::{ReadError, Reader};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{Caller, Moment},
    app::App,
    body::{Params, maybe_decimal},
    clerk::looks::Look,
    limits::LOOKUP_WAIT_MAX,
    problem::{Code, Problem},
};

macro_rules! search_params {
    ($($(#[$doc:meta])* $name:ident $kind:ident,)*) => {
        /// Parameters of a search: all that are given must hold
        #[derive(Clone, Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct SearchParams {
            $($(#[$doc])* $name: Option<String>,)*
            /// Received at or after this moment: RFC 3339, UTC, milliseconds.
            from: Option<String>,
            /// Received before this moment.
            to: Option<String>,
            /// From this entry on.
            #[serde(default, deserialize_with = "maybe_decimal")]
            first: Option<u64>,
            /// Before this entry.
            #[serde(default, deserialize_with = "maybe_decimal")]
            end: Option<u64>,
            /// `newest` (the default) or `oldest` first.
            #[param(inline)]
            order: Option<OrderText>,
            /// So many at most: 1 to 1000, 50 if left out.
            #[serde(default, deserialize_with = "maybe_decimal")]
            limit: Option<u64>,
            /// Where the answer before ended: its `cursor`.
            #[serde(default, deserialize_with = "maybe_decimal")]
            cursor: Option<u64>,
            /// Wait until the lookups answer for so many entries, five seconds at most.
            #[serde(default, deserialize_with = "maybe_decimal")]
            at_least: Option<u64>,
        }

        impl SearchParams {
            /// What must hold, by kind and value.
            fn keys(&self) -> Vec<(Kind, String)> {
                let all = [$((Kind::$kind, &self.$name)),*];
                all.into_iter().filter_map(|(kind, value)| Some((kind, value.clone()?))).collect()
            }
        }
    };
}

search_params! {
    /// On whose behalf: `iss|sub` of the principal.
    principal Principal,
    /// `sub` of the principal, whoever vouches for it.
    user User,
    /// What a principal is called.
    name Name,
    /// The agent that acts.
    agent Agent,
    /// Anybody in the chain of actors.
    actor Actor,
    /// The session.
    session Session,
    /// The tool.
    tool Tool,
    /// Who offers the tool.
    server Server,
    /// What a call is about.
    target Target,
    /// Who approved or denied.
    approver Approver,
    /// The mode of an approval: `human`, `policy`, ...
    approval Approval,
    /// How a call ended: `ok`, `error`, `denied`, ...
    outcome Outcome,
    /// A rule that the record breaks: see docs/findings.md.
    finding Finding,
    /// The program that wrote the record.
    producer Producer,
    /// The type of the record.
    r#type Type,
    /// The trace id: 32 hexadecimal digits.
    trace Trace,
    /// The call's name within its session.
    action Action,
    /// The record's id.
    record Record,
    /// The id of the record that an approval binds.
    bound Bound,
    /// Whose a key is that comes, changes or goes.
    party Party,
    /// A key that comes, changes or goes, by its id.
    key Key,
}

/// In which order
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OrderText {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// What a search found
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundText {
    /// Entries of the log that the answer speaks for.
    size: u64,
    /// Entries that are published and not in the lookups yet.
    behind: u64,
    /// What was found, in the order asked for.
    records: Vec<FoundRecord>,
    /// Where to go on (`cursor`); absent where there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<u64>,
}

/// One record that was found
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundRecord {
    /// Index of the entry.
    index: u64,
    /// The entry as text: the record in its envelope.
    entry: String,
    /// Rules that it breaks, as far as findings are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
}

/// Search records
///
/// All parameters that are given must hold. The answer names the size it speaks for; take any record's receipt by its
/// index. A search is noted in the log (`access.read`).
#[utoipa::path(
    get,
    path = crate::routes::RECORDS,
    tag = "records",
    params(SearchParams),
    responses(
        (status = 200, description = "What was found", body = FoundText),
        (status = 400, description = "A parameter is unknown or malformed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "This log takes raw entries, not records", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The lookups do not answer for `at_least` entries in time; or that somebody looks cannot be written", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<SearchParams>,
) -> Result<Json<FoundText>, Box<Problem>> {
    let lookups = app.lookups()?.clone();
    let query = params.query()?;
    app.look(&caller, Look::Search, Some(&words(&query))).await?;
    wait(&lookups, params.at_least).await?;
    let published = app.reader.published().size();
    let reading = lookups.clone();
    let found = app.read(move |reader| run(&reading, reader, &query)).await??;
    let behind = published.saturating_sub(found.size);
    Ok(Json(told(&lookups, found, behind)))
}

fn told(lookups: &Lookups, found: Found, behind: u64) -> FoundText {
    let one = |entry: Entry| FoundRecord {
        index: entry.index(),
        entry: String::from_utf8_lossy(entry.bytes()).into_owned(),
        findings: lookups.findings_of([entry.index()]).iter().map(|found| found.rule.to_string()).collect(),
    };
    let records = found.entries.into_iter().map(one).collect();
    FoundText { size: found.size, behind, records, cursor: found.cursor }
}

/// Waits until the lookups answer for so many entries.
async fn wait(lookups: &Lookups, at_least: Option<u64>) -> Result<(), Box<Problem>> {
    let Some(size) = at_least else { return Ok(()) };
    if lookups.wait_for(size, LOOKUP_WAIT_MAX).await {
        return Ok(());
    }
    let detail = format!(
        "The lookups answer for {} entries so far, and {size} were asked for; ask again later, or for fewer.",
        lookups.size()
    );
    Err(Problem::new(Code::Busy, detail))
}

/// Answers a query from the log's own entries. Blocks.
pub(crate) fn run(lookups: &Lookups, reader: &Reader, query: &Query) -> Result<Found, Box<Problem>> {
    let read = |indexes: &[u64], take: &Take<'_>| reader.entries_at(indexes, take);
    lookups.search(query, read).map_err(|error: QueryError<ReadError>| match error {
        QueryError::Lookup(error) => Problem::internal(&error),
        QueryError::Entries(error) => Problem::internal(&error),
    })
}

/// All that a query finds, page by page, as it is `kept`, and the size that it is all of; `None` for more than `max` entries.
/// Blocks.
pub(crate) fn every<T>(
    lookups: &Lookups,
    reader: &Reader,
    mut query: Query,
    max: usize,
    kept: impl Fn(Entry) -> T,
) -> Result<Option<(Vec<T>, u64)>, Box<Problem>> {
    let (mut all, mut size) = (vec![], None);
    query.limit = LIMIT_MAX;
    loop {
        let found = run(lookups, reader, &query)?;
        // Of what grows meanwhile, what was there at first is told.
        let size = *size.get_or_insert(found.size);
        query.indexes.end = query.indexes.end.min(size);
        all.extend(found.entries.into_iter().map(&kept));
        if all.len() > max {
            return Ok(None);
        }
        match found.cursor {
            None => return Ok(Some((all, size))),
            cursor => query.cursor = cursor,
        }
    }
}

/// A query in one line, as it is noted.
fn words(query: &Query) -> String {
    let mut words = String::new();
    for (kind, value) in &query.all {
        let _ = write!(words, "{}={value:?} ", kind.as_str());
    }
    if let Some((from, until)) = query.received {
        let _ = write!(words, "from={} to={} ", Moment::from_ms(from), Moment::from_ms(until));
    }
    let _ = write!(words, "{:?}", query.order);
    words
}

impl SearchParams {
    /// The query of parameters that say what must hold; none of the others.
    pub(crate) fn of(pairs: &std::collections::BTreeMap<String, String>) -> Result<Query, Box<Problem>> {
        let other =
            pairs.keys().find(|name| ["order", "limit", "cursor", "at_least"].contains(&name.as_str()));
        if let Some(name) = other {
            let detail = format!("`{name}` says nothing of the records; a file holds all that are found.");
            return Err(Problem::new(Code::BadQuery, detail));
        }
        let read = serde_json::to_value(pairs).and_then(serde_json::from_value::<Self>);
        let params = read.map_err(|error| Problem::new(Code::BadQuery, format!("The query: {error}.")))?;
        Ok(Query { order: Order::Oldest, ..params.query()? })
    }

    fn query(&self) -> Result<Query, Box<Problem>> {
        let bad = |detail: String| Problem::new(Code::BadQuery, detail);
        let moment = |name: &str, text: &Option<String>, or: i64| match text {
            None => Ok(or),
            Some(text) => {
                record::model::Instant::parse(text).map(record::model::Instant::unix_ms).ok_or_else(|| {
                    bad(format!("`{name}` is a moment such as 2026-11-23T08:14:03.118Z, not {text:?}."))
                })
            }
        };
        let limit = self.limit.unwrap_or(50);
        if limit == 0 || limit > LIMIT_MAX as u64 {
            return Err(bad(format!("`limit` is 1 to {LIMIT_MAX}.")).limit(LIMIT_MAX));
        }
        let timed = self.from.is_some() || self.to.is_some();
        let received = (moment("from", &self.from, i64::MIN)?, moment("to", &self.to, i64::MAX)?);
        Ok(Query {
            all: self.keys(),
            received: timed.then_some(received),
            indexes: self.first.unwrap_or(0)..self.end.unwrap_or(u64::MAX),
            order: match self.order {
                Some(OrderText::Oldest) => Order::Oldest,
                Some(OrderText::Newest) | None => Order::Newest,
            },
            limit: limit as usize,
            cursor: self.cursor,
        })
    }
}
