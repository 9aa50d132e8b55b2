//! What the README tells people to type is typed here.

use std::path::Path;
use std::process::Command;

use testkit::keys::LOG;

use crate::history::History;
use crate::mirror::process::{Mirror, id};
use crate::served::Served;
use crate::witness::process::{Witness, grown, signer, until, verb};

const README: &str = include_str!("../../README.md");
const WITNESSING: &str = include_str!("../../docs/witnessing.md");
const MIRRORING: &str = include_str!("../../docs/mirroring.md");

/// The `sh` blocks of a section of the README.
fn blocks(section: &str) -> Vec<&'static str> {
    blocks_of(README, section)
}

fn blocks_of(text: &'static str, section: &str) -> Vec<&'static str> {
    let (_, after) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let section = after.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// Types commands into a shell that knows `deedbook`.
fn type_in(commands: &str, directory: &Path) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_deedbook")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let shell =
        Command::new("sh").args(["-eu", "-c", commands]).current_dir(directory).env("PATH", path).output();
    let output = shell.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{commands}\n{said}");
    said
}

#[test]
fn the_commands_under_use_it_work_as_they_stand() {
    let blocks = blocks("Use it");
    assert_eq!(blocks[0], "deedbook serve --open --data ./log\n");
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_with(&home.path().join("log"), &[]);
    let sample: Vec<_> = testkit::airline::lines().take(40).collect();
    std::fs::write(home.path().join("calls.ndjson"), sample.join("\n")).unwrap();
    let said = type_in(&blocks[1].replace("http://127.0.0.1:2026", &served.url), home.path());
    for held in [
        "40 records are in the log",
        "each as it stands in the file",
        " at size 40\n",
        "read back and proven",
    ] {
        assert!(said.contains(held), "{held:?} is not in\n{said}");
    }
    let said = type_in(&blocks[2].replace("http://127.0.0.1:2026", &served.url), home.path());
    for held in ["written: task00.evidence.json", "holds: evidence of all records of session", "COMPLETE"] {
        assert!(said.contains(held), "{held:?} is not in\n{said}");
    }
}

#[test]
fn the_commands_with_tokens_work_as_they_stand() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_under_tokens(&home.path().join("log"), &[]);
    let sample: Vec<_> = testkit::airline::lines().take(40).collect();
    std::fs::write(home.path().join("calls.ndjson"), sample.join("\n")).unwrap();
    std::fs::write(home.path().join("log.vkey"), &served.vkey).unwrap();
    let said = type_in(&blocks("Use it")[3].replace("http://127.0.0.1:2026", &served.url), home.path());
    for held in
        ["a token for crm", "a token for auditor", "40 records are in the log", "holds: localhost/log-"]
    {
        assert!(said.contains(held), "{held:?} is not in\n{said}");
    }
    let said = type_in(&blocks("Use it")[4].replace("http://127.0.0.1:2026", &served.url), home.path());
    for held in [
        "agent    tau-bench:airline-agent",
        "placed: the hold case-7",
        "released: the hold case-7",
        "sofia_kim_7287 (tau-bench:airline) erased",
    ] {
        assert!(said.contains(held), "{held:?} is not in\n{said}");
    }
}

/// docs/witnessing.md: a witness run, a log enrolled, its fork found and checked, as it stands there.
#[test]
fn the_commands_of_the_page_on_witnessing_work_as_they_stand() {
    let run = blocks_of(WITNESSING, "Run one");
    assert_eq!(run[0], "deedbook witness run --data ./witness --name witness.example.org/w1\n");
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("witness");
    let witness = Witness::start(&data);
    let vkey = signer(LOG).verifier_key().to_string();
    std::fs::write(home.path().join("log.vkey"), vkey + "\n").unwrap();
    let said = type_in(run[1], home.path());
    assert!(said.contains(&format!("enrolled: {}", LOG.name)) && said.contains("never cosigned"), "{said}");
    let vkeys = std::fs::read_to_string(home.path().join("witness.vkeys")).unwrap();
    assert_eq!(vkeys, format!("{}\n", witness.vkeys()[0]));

    let honest = History::honest();
    until("it is taken up", || witness.status(&grown(&honest, 0, 10, LOG)) == 200);
    assert_eq!(witness.status(&grown(&honest.forked_at(5), 10, 10, LOG)), 422);
    let id =
        || verb(&data, &["forks", "--json"]).expect(0).json()["forks"][0]["id"].as_str().map(str::to_owned);
    until("the proof is copied", || id().is_some());
    let forked = blocks_of(WITNESSING, "The day that a log forks")[0];
    let said = type_in(&forked.replace("5f2a91c07be4", &id().unwrap()[..12]), home.path());
    for held in ["1 fork proof is kept", "holds: two histories of the log", "signed BOTH"] {
        assert!(said.contains(held), "{held:?} is not in\n{said}");
    }
}

/// docs/mirroring.md: a mirror run, looked at, audited by address and by directory, and run by a timer.
#[test]
fn the_commands_of_the_page_on_mirroring_work_as_they_stand() {
    let run = blocks_of(MIRRORING, "Run one");
    let typed = "deedbook mirror run --data ./mirror --name mirror.example.org/m1 --log https://log.example.org/agents \
                 --vkey-file log.vkey\n";
    assert_eq!(run[0], typed);
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_with(&home.path().join("log"), &[]);
    let sample: Vec<_> = testkit::airline::lines().take(40).collect();
    std::fs::write(home.path().join("calls.ndjson"), sample.join("\n")).unwrap();
    std::fs::write(home.path().join("log.vkey"), served.vkey.clone() + "\n").unwrap();
    let url = &served.url;
    type_in(
        &format!("deedbook record calls.ndjson --url {url} --vkey-file log.vkey --published"),
        home.path(),
    );
    let origin = served.said["origin"].as_str().unwrap();
    let mirror = Mirror::start(&home.path().join("mirror"), url, &served.vkey, &[]);
    until("there is a copy", || mirror.size(origin) == Some(40));
    let typed = run[1].replace("http://127.0.0.1:2029", &mirror.url).replace("HASH", &id(origin));
    let said = type_in(&typed, home.path());
    assert!(said.contains("1 log") && said.matches("at size 40").count() == 2, "{said}");
    let vkeys = std::fs::read_to_string(home.path().join("mirror.vkeys")).unwrap();
    assert!(vkeys.starts_with("mirror.test/m1+"), "{vkeys}");
    assert!(mirror.stop().success());
    let said = type_in(&run[2].replace("https://log.example.org/agents", url), home.path());
    assert!(said.contains("size 40, 0 of them new"), "{said}");

    let pushed = blocks_of(MIRRORING, "Logs that push");
    assert_eq!(
        pushed[0],
        "deedbook mirror run --data ./mirror --name mirror.example.org/m1 --pushed logs.txt\n"
    );
    let list = MIRRORING.split_once("```text\nlogs/v0").unwrap().1.split("```").next().unwrap();
    let example = list.lines().find(|line| line.starts_with("vkey ")).unwrap();
    let list = format!("logs/v0{}", list.replace(example, &format!("vkey {}", served.vkey)));
    std::fs::write(home.path().join("logs.txt"), list).unwrap();
    let options = ["--name", "mirror.test/m1", "--pushed", home.path().join("logs.txt").to_str().unwrap()]
        .map(str::to_owned);
    let mirror =
        Mirror::try_start(&home.path().join("other"), &options.each_ref().map(String::as_str)).unwrap();
    std::fs::copy(home.path().join("other/mirror.vkeys"), home.path().join("mirror.vkeys")).unwrap();
    let typed = pushed[1].replace("http://127.0.0.1:2026", url).replace("http://127.0.0.1:2029", &mirror.url);
    let said = type_in(&typed, home.path());
    assert!(said.contains("at size 40, and has cosigned it"), "{said}");
    assert_eq!(mirror.size(origin), Some(40));
}

/// The verbs that the README names, and those that the program has.
#[test]
fn every_verb_is_in_the_list_and_nothing_else() {
    let listed = README.split_once("|---|---|\n").unwrap().1.split("\n\n").next().unwrap();
    let mut named: Vec<&str> =
        listed.lines().flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    let help = crate::run::deedbook(["--help"]).expect(0).out;
    let commands = help.split_once("Commands:\n").unwrap().1.split("\n\n").next().unwrap();
    // A line with a name is set in by two; one that goes on has no name.
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let mut verbs: Vec<&str> = names
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    named.sort_unstable();
    verbs.sort_unstable();
    assert_eq!(named, verbs);
}

#[test]
fn the_record_that_is_shown_is_one() {
    let (_, after) = README.split_once("```json\n").unwrap();
    let record = record::Submission::parse(after.split("```").next().unwrap().as_bytes()).unwrap();
    assert_eq!(record.record_type(), "action.requested");
}

#[test]
fn links_lead_to_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![root.join("README.md")];
    for directory in ["docs", "docs/decisions"] {
        let files = std::fs::read_dir(root.join(directory)).unwrap().map(|entry| entry.unwrap().path());
        texts.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(texts.len() > 8, "{texts:?}");
    for text in texts {
        let content = std::fs::read_to_string(&text).unwrap();
        for link in content.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { text.clone() } else { text.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", text.display());
            let there = heading.is_empty() || has_heading(&std::fs::read_to_string(target).unwrap(), heading);
            assert!(there, "{}: {link} leads to no heading", text.display());
        }
    }
}

/// Whether a heading of this text has that anchor, as code hosts make them: in lowercase, hyphens for spaces, and of all
/// other signs only hyphens and underscores.
fn has_heading(text: &str, anchor: &str) -> bool {
    let titles =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |sign: &char| sign.is_alphanumeric() || " -_".contains(*sign);
    let mut anchors = titles.map(|title| title.to_lowercase().chars().filter(kept).collect::<String>());
    anchors.any(|made| made.replace(' ', "-") == anchor)
}
