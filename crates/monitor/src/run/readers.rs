//! Threads for jobs that read logs. Such a job may not move from thread to thread while it waits, and a thread that waited for
//! one job alone would hold one of tokio's blocking threads, of which the job itself needs one for each file that it reads:
//! with as many jobs as there are threads, all would wait for ever. So a few threads carry all jobs.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::Mail;

type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Threads that carry jobs until they are stopped.
pub(super) struct Readers {
    threads: Mutex<Vec<Thread>>,
    next: AtomicUsize,
}

struct Thread {
    jobs: mpsc::UnboundedSender<Job>,
    running: JoinHandle<()>,
}

impl Readers {
    /// Starts so many threads, on the runtime of whoever calls.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start(threads: NonZeroUsize) -> std::io::Result<Self> {
        let threads = (0..threads.get()).map(|_| Thread::start()).collect::<Result<_, _>>()?;
        Ok(Self { threads: Mutex::new(threads), next: AtomicUsize::new(0) })
    }

    /// Does a job. `None`: it broke off, or the threads are stopped. A job that nobody waits for any more is dropped.
    pub(super) fn run<F, J>(&self, job: J) -> impl Future<Output = Option<Mail>> + Send + use<F, J>
    where
        F: Future<Output = Mail> + 'static,
        J: FnOnce() -> F + Send + 'static,
    {
        let (mut reply, done) = oneshot::channel();
        let job: Job = Box::new(move || {
            Box::pin(async move {
                tokio::select! {
                    mail = job() => drop(reply.send(mail)),
                    () = reply.closed() => {}
                }
            })
        });
        let threads = self.threads.lock();
        if !threads.is_empty() {
            // If the thread is gone, so is the reply.
            let _ = threads[self.next.fetch_add(1, Relaxed) % threads.len()].jobs.send(job);
        }
        async move { done.await.ok() }
    }

    /// Drops what is under way, and waits for the threads: none of them may outlive the runtime.
    pub(super) fn stop(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        let running: Vec<_> = threads.into_iter().map(|thread| thread.running).collect();
        running.into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl Thread {
    fn start() -> std::io::Result<Self> {
        let (jobs, mut inbox) = mpsc::unbounded_channel::<Job>();
        let runtime = Handle::current();
        let carry = move || {
            let _entered = runtime.enter();
            let local = LocalSet::new();
            runtime.block_on(local.run_until(async move {
                while let Some(job) = inbox.recv().await {
                    tokio::task::spawn_local(job());
                }
            }));
        };
        let running = std::thread::Builder::new().name("reader".to_owned()).spawn(carry)?;
        Ok(Self { jobs, running })
    }
}
