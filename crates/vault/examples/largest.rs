//! How long the largest content takes from its text to the disk, and back: 16 MiB, sealed, committed in one step, opened,
//! erased. `cargo run --release -p vault --example largest -- DIRECTORY ROUNDS`
#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{error::Error, path::PathBuf, time::Instant};

use record::disclosure::Disclosure;
use sequencer::beside::{Payload, Subject};
use store::{Batch, Key, SledOptions, SledStore, Store as _};
use vault::{Belongs, Fresh, Vault};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).map(PathBuf::from).ok_or("name an empty directory")?;
    let rounds: u8 = std::env::args().nth(2).map_or(Ok(8), |rounds| rounds.parse())?;
    let store = SledStore::open(&directory.join("store"), &SledOptions::default())?;
    let vault = Vault::open(&directory.join("content-keys"))?;
    let belongs = Belongs { owner: Subject::Log, session: None, secret: false };
    let mut head = None;
    for round in 0..rounds {
        let content = vec![round | 0x80; record::limits::CONTENT_BYTES_MAX];
        let disclosure = Disclosure::make([round; 16], "output", &content)?;
        let start = Instant::now();
        let payload = vault.seal(disclosure.text(), &belongs, Fresh::new([7; 32]))?;
        let sealed = start.elapsed();
        let next: bytes::Bytes = vec![round].into();
        store.commit(head.as_ref(), rows(&payload), next.clone())?;
        head = Some(next);
        let committed = start.elapsed().saturating_sub(sealed);
        let start = Instant::now();
        let mut opener = vault.opener(payload.digest(), payload.info())?;
        for number in 0..payload.info().pieces {
            let key = Key::Piece { digest: payload.digest().0, number };
            opener.next(&store.get(&key)?.ok_or("a piece is missing")?)?;
        }
        println!(
            "{} pieces: sealed {sealed:?}, committed {committed:?}, opened {:?}, resident {}, on disk {} MB, spilled {}",
            payload.info().pieces,
            start.elapsed(),
            resident(),
            store.disk_bytes()? >> 20,
            store.spilled_values()?
        );
        if round % 2 == 1 {
            let deletes = rows(&payload).puts.into_iter().map(|(key, _)| key).collect();
            let (start, next) = (Instant::now(), bytes::Bytes::from(vec![round, 1]));
            store.commit(head.as_ref(), Batch::deletes(deletes), next.clone())?;
            head = Some(next);
            println!("erased in {:?}", start.elapsed());
        }
    }
    Ok(())
}

fn rows(payload: &Payload) -> Batch {
    let digest = payload.digest().0;
    let pieces = (0..).zip(payload.pieces().iter().cloned());
    let mut puts: Vec<_> = pieces.map(|(number, piece)| (Key::Piece { digest, number }, piece)).collect();
    puts.push((Key::Payload { digest }, payload.info().to_bytes()));
    Batch::puts(puts)
}

/// As the system counts it, where it does.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}
