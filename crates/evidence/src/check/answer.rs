//! Whether the entries are what was asked for, and what may be left out.

use crate::form::{Evidence, Role};
use crate::question::{Question, Range};
use crate::sentence::{About, Sentences, things};
use record::Logged;

pub(super) fn check(
    file: &Evidence,
    read: &[(Role, Logged<'_>)],
    size: u64,
    whole: bool,
    say: &mut Sentences,
) {
    let asked = file.asked();
    let answers = file.document.entries.iter().filter(|carried| carried.role == Role::Answer).count();
    let mut wrong = stray(asked, read);
    wrong.extend(missing(asked, read, answers));
    if file.made().looked_at > size {
        wrong.push(format!(
            "it says that {} entries were looked at, and the log has {size}",
            file.made().looked_at
        ));
    }
    if let (Question::Query(_), true) = (asked, wrong.is_empty()) {
        say.cannot_tell(
            About::Answer,
            format!("whether the entries are {asked}: a search is not repeated here"),
        );
    } else if wrong.is_empty() {
        let added = match file.document.entries.len() - answers {
            0 => String::new(),
            1 => "; 1 more is there because the findings rest on it".to_owned(),
            more => format!("; {more} more are there because the findings rest on them"),
        };
        let answers = things(answers, "entry is", "entries are");
        say.holds(About::Answer, format!("{answers} what was asked for, {asked}{added}"));
    }
    wrong.into_iter().for_each(|why| say.wrong(About::Answer, why));
    omission(file, size, whole, say);
    grades(read, say);
}

/// Entries whose role is not what the question makes of them.
fn stray(asked: &Question, read: &[(Role, Logged<'_>)]) -> Vec<String> {
    let other = read.iter().filter(|(role, logged)| {
        asked.asks_for(logged.index(), logged.record()).is_some_and(|asks| asks != (*role == Role::Answer))
    });
    other
        .map(|(role, logged)| match role {
            Role::Answer => format!("the entry at {} is said to be asked for, and is not", logged.index()),
            _ => format!(
                "the entry at {} was asked for, and is said to be there for another reason",
                logged.index()
            ),
        })
        .collect()
}

/// What was asked for by name and is not in the file.
fn missing(asked: &Question, read: &[(Role, Logged<'_>)], answers: usize) -> Vec<String> {
    match asked {
        Question::Entries(ranges) => {
            let wanted = ranges.iter().map(|Range(from, to)| to - from + 1).fold(0_u64, u64::saturating_add);
            let all = wanted == answers as u64;
            (!all)
                .then(|| format!("{wanted} entries were asked for, and {answers} are there"))
                .into_iter()
                .collect()
        }
        Question::Records(ids) => {
            let is_there = |id: &String| {
                read.iter()
                    .any(|(role, logged)| *role == Role::Answer && logged.record().id.to_string() == *id)
            };
            ids.iter()
                .filter(|id| !is_there(id))
                .map(|id| format!("the record {id} was asked for, and is not there"))
                .collect()
        }
        Question::Session(_) | Question::Query(_) => {
            (answers == 0).then(|| "nothing that was asked for is there".to_owned()).into_iter().collect()
        }
    }
}

fn omission(file: &Evidence, size: u64, whole: bool, say: &mut Sentences) {
    let made = file.made();
    let by = &made.by;
    if whole {
        say.holds(
            About::Omission,
            "the file carries every entry of the log up to this size, so it leaves nothing out",
        );
        return;
    }
    let looked =
        if made.looked_at == size { "all".to_owned() } else { format!("the first {}", made.looked_at) };
    say.limit(
        About::Omission,
        format!(
            "whether the log holds other entries that bear on these: {by} says that it looked at {looked} of {size}, and \
             no file can show what it leaves out; who has the log can make the file again and compare"
        ),
    );
    say.limit(About::Omission, "what was done and never recorded: a log can only hold what it was sent");
}

/// Names that the log did not check.
fn grades(read: &[(Role, Logged<'_>)], say: &mut Sentences) {
    let verified = record::Grade::Verified;
    let asserted = read.iter().filter(|(role, logged)| {
        let named = logged.record().agent.is_some() || logged.record().principal.is_some();
        *role == Role::Answer
            && named
            && (logged.opened().agent() != verified || logged.opened().principal() != verified)
    });
    let asserted = asserted.count();
    if asserted > 0 {
        say.limit(
            About::Identity,
            format!(
                "who the agents and principals of {} are: they are named there, and the log did not check it",
                things(asserted, "record", "records")
            ),
        );
    }
    say.limit(
        About::Time,
        "when things happened: `time` is the producer's word and `received` the log's own",
    );
}
