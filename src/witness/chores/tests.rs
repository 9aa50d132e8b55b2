use bytes::Bytes;
use follower::witness::keeper::{ContradictionId, Keeper, Limits};
use follower::witness::service::Witness;
use server::SystemClock;
use server::limits::Timeouts;
use server::witness::Metrics;
use store::{Batch, CommitError, Key, MemoryStore, Store, StoreError, Table};
use testkit::keys::{LOG, WITNESSES};
use tlog::cosignature::Cosigner;
use tlog::key::Signer;
use tlog::witness::WitnessKeys;

use super::*;

/// A store that panics when one value is asked for.
struct Panics(MemoryStore);

impl Store for Panics {
    fn get(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        panic!("a fault of this test")
    }

    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.0.part(key, number)
    }

    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.0.floor(key)
    }

    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.0.scan(table, after, max)
    }

    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.0.head()
    }

    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        self.0.commit(expected, batch, head)
    }
}

fn app(keeper: Keeper) -> Arc<App> {
    let [key, ..] = WITNESSES;
    let keys = WitnessKeys::new(vec![Cosigner::from_seed(key.name.parse().unwrap(), &key.seed)]).unwrap();
    let witness = Witness::new(keeper, keys, Enrolled::default());
    App::new(witness, Arc::new(SystemClock), Metrics::new(), Timeouts::default())
}

/// A proof that cannot be copied, because the program panics, does not keep the witness from taking up its list.
#[tokio::test]
async fn whatever_panics_the_witness_goes_on_looking() {
    let home = tempfile::tempdir().unwrap();
    let keeper = Keeper::open(Arc::new(Panics(MemoryStore::new())), Limits::default()).unwrap();
    let id = ContradictionId::of(&LOG.name.parse().unwrap(), b"note");
    keeper.contradicts(id, "proof".into()).await.unwrap();
    let app = app(keeper);
    let (list, _) = Watched::open(home.path()).unwrap();
    let chores = Chores::new(home.path(), list, Copies::new(home.path()));
    let (copied, watched) = (app.clone(), home.path().to_owned());
    let panicked =
        work(Copies::new(&watched), move |copies: &mut Copies| copies.make(copied.witness().keeper()));
    let (none, fault) = panicked.await;
    assert!(none.is_none() && fault.unwrap_err().words.contains("a panic"));
    let looking =
        tokio::spawn(chores.look_after(app.clone(), Duration::from_millis(5), std::future::pending()));
    for logs in 1..4_usize {
        let log = |number: usize| {
            let seed = [u8::try_from(number).unwrap(); 32];
            let key = Signer::from_seed(format!("log{number}").parse().unwrap(), &seed);
            format!("vkey {}\nqpd 9\ncontact c\n", key.verifier_key())
        };
        let text = (0..logs).fold("logs/v0\n".to_owned(), |text, number| text + &log(number));
        sequencer::directory::write_file(
            &super::super::directory::list_path(home.path()),
            text.as_bytes(),
            0o644,
        )
        .unwrap();
        let start = std::time::Instant::now();
        while app.witness().enrolled().logs().len() != logs {
            assert!(start.elapsed() < Duration::from_secs(30) && !looking.is_finished(), "{logs} logs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    looking.abort();
}
