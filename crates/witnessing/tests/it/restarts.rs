//! Restarts of either side, with everything remembered or with less.

use sequencer::witnesses::WhenUnwitnessed::{Hold, Publish};
use testkit::Chance;
use witnessing::Cause;

use crate::{
    stand_in::Mood,
    world::{World, cosigners},
};

#[test]
fn after_a_restart_what_was_witnessed_is_shown_again_byte_for_byte() {
    for choice in [Hold, Publish] {
        let mut world = World::open_with(choice);
        let size = world.submit(5);
        world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
        let before = world.look();
        world.close();
        for witness in &mut world.witnesses {
            witness.down();
        }
        world.open();
        assert_eq!(world.reader().published(), before, "{choice:?}, with no witness in reach");
        assert_eq!(world.reader().witnessed(), Some(before.clone()));
        let more = world.submit(2);
        world.pass(2);
        let shown = if choice == Hold { size } else { more };
        world.until("the newest", |world| world.reader().published().size() == shown);
        world.restart();
        assert_eq!(world.reader().published().size(), shown);
        for witness in &mut world.witnesses {
            witness.up();
        }
        world.witnessed(more);
    }
}

#[test]
fn a_witness_is_asked_from_where_its_last_cosignature_stands() {
    let mut world = World::open_with(Hold);
    let size = world.submit(5);
    world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
    world.close();
    let asked: Vec<usize> = world.witnesses.iter().map(|witness| witness.asked().len()).collect();
    world.open();
    world.until("all asked", |world| {
        world.witnesses.iter().zip(&asked).all(|(witness, before)| witness.asked().len() > *before)
    });
    for (witness, before) in world.witnesses.iter().zip(asked) {
        assert_eq!(witness.asked()[before], (size, size), "one request, and no guessing");
    }
}

#[test]
fn a_witness_that_was_put_back_is_caught_up_with_a_proof() {
    let mut world = World::open_with(Hold);
    for _ in 0..4 {
        let size = world.submit(100);
        world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
    }
    // Once to what it had stored first, once to nothing.
    for cosignatures in [2, 0] {
        world.witnesses[1].put_back(cosignatures);
        let stored = world.witnesses[1].stored();
        assert!(stored < 400 && (stored > 0) == (cosignatures > 0), "{stored} after {cosignatures}");
        let size = world.submit(100);
        world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
        world.until("its store", |world| world.witnesses[1].stored() == size);
    }
    assert!(world.heard.failures.lock().contains(&("witness-b.test".into(), Cause::WentBack)));
    assert_eq!(world.trouble(1), None, "it cosigns");
}

#[test]
fn an_answer_that_was_lost_is_made_up_for() {
    let mut world = World::open_with(Hold);
    let size = world.submit(5);
    world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
    // The request is taken and stored, and the witness goes down before it answers.
    world.witnesses[0].is(Mood::Slow(std::time::Duration::from_millis(100)));
    let size = world.submit(5);
    world.witnessed(size);
    world.witnesses[0].down();
    world.witnesses[0].is(Mood::Honest);
    world.witnesses[0].up();
    world.until("all three", |world| cosigners(&world.reader().published()).len() == 3);
    let size = world.submit(5);
    world.until("all three", |world| cosigners(&world.witnessed(size)).len() == 3);
}

/// A long life by seed: growth, restarts of the log and of witnesses, moods. The public log never goes back, what is called
/// witnessed is, and in the end all is well.
#[test]
fn a_long_life() {
    let mut chance = Chance::from_env_or(30);
    for choice in [Hold, Publish] {
        let mut world = World::new(choice);
        world.timeout = std::time::Duration::from_millis(100);
        world.open();
        let mut up = [true; 3];
        for _ in 0..60 {
            match chance.below(8) {
                0 => world.restart(),
                1 | 2 => {
                    let place = chance.below(3) as usize;
                    up[place] = !up[place];
                    if up[place] {
                        world.witnesses[place].up();
                    } else {
                        world.witnesses[place].down();
                    }
                }
                3 => {
                    let moods =
                        [Mood::OtherHead, Mood::says(500, "text/plain", ""), Mood::Honest, Mood::Honest];
                    world.witnesses[chance.below(3) as usize].is(chance.pick(&moods).clone());
                }
                4 => world.witnesses[chance.below(3) as usize].put_back(chance.below(5) as usize),
                _ => {
                    let entries = 1 + chance.below(300);
                    world.submit(entries);
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(chance.below(30)));
            let shown = world.look();
            if let Some(note) = world.reader().witnessed() {
                world.policy().verify(note.bytes().clone()).unwrap();
            }
            if choice == Hold && shown.size() > 0 {
                world.policy().verify(shown.bytes().clone()).unwrap();
            }
        }
        for (witness, up) in world.witnesses.iter_mut().zip(up) {
            witness.is(Mood::Honest);
            if !up {
                witness.up();
            }
        }
        let size = world.submit(1);
        world.witnessed(size);
    }
}
