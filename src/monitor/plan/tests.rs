use clap::Parser;

use super::*;
use crate::cli::Typed;

const ONE: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
const TWO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fn plan(words: &[&str]) -> Result<Plan, Failure> {
    Plan::of(&Typed::<Args>::parse_from([&["monitor", "--data", "/d"], words].concat()).args)
}

#[test]
fn logs_are_where_the_policy_or_the_option_says() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let placed = file(
        "placed",
        &format!("log {ONE} https://a.example/log/\nlog {TWO} https://b.example/\nquorum none\n"),
    );
    let one = file("one", &format!("log {ONE}\nquorum none\n"));
    let two = file("two", &format!("log {TWO}\nquorum none\n"));
    let names = |words: &[&str]| {
        let logs = plan(words).map(|plan| plan.logs).map_err(|failure| failure.words)?;
        Ok::<_, String>(logs.iter().map(|log| format!("{} {}", log.origin, log.source)).collect::<Vec<_>>())
    };
    let both = ["example.com/log/testdata https://a.example/log/", "example.com/foo https://b.example/"];
    assert_eq!(names(&["--policy", &placed]).unwrap(), both);
    let other =
        ["--policy", &one, "--policy", &two, "--log", "https://a.example/log", "--log", "https://b.example"];
    assert_eq!(names(&other).unwrap(), both);
    assert_eq!(names(&["--vkey", ONE, "--log", "https://a.example/log"]).unwrap(), both[..1]);
    for (bend, words, why) in [
        ("nothing", &[][..], "which log?"),
        ("no place", &["--policy", &one], "which log?"),
        ("no policy", &["--log", "https://a.example/"], "whom to believe?"),
        ("two names", &["--policy", &placed, "--log", "https://c.example/"], "which of its logs"),
        (
            "counts",
            &["--policy", &one, "--policy", &two, "--log", "https://a.example/"],
            "one policy for all",
        ),
        (
            "a webhook that nobody can believe",
            &["--policy", &placed, "--webhook", "https://c.example/"],
            "secret",
        ),
        ("time", &["--policy", &placed, "--delay=-1"], "seconds"),
    ] {
        let refused = plan(words).map(|_| ()).unwrap_err();
        assert!(refused.words.contains(why), "{bend}: {}", refused.words);
    }
}

#[test]
fn the_file_says_the_same_and_its_paths_are_from_its_folder() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("p"), format!("log {ONE}\nquorum none\n")).unwrap();
    let file = home.path().join("monitor.toml");
    let text = "data = \"kept\"\npoll = 0.5\n[[log]]\nplace = \"https://a.example/\"\npolicy = \"p\"\n";
    std::fs::write(&file, text).unwrap();
    let of = |words: &[&str]| {
        Plan::of(
            &Typed::<Args>::parse_from([&["monitor", "--config", file.to_str().unwrap()], words].concat())
                .args,
        )
    };
    let plan = of(&[]).unwrap();
    assert_eq!((plan.data, plan.options.poll), (home.path().join("kept"), Duration::from_millis(500)));
    assert_eq!(plan.logs[0].origin.as_str(), "example.com/log/testdata");
    std::fs::create_dir(home.path().join("mirror")).unwrap();
    std::fs::write(&file, text.replace("https://a.example/", "mirror")).unwrap();
    assert_eq!(of(&[]).unwrap().logs[0].source.to_string(), home.path().join("mirror").to_str().unwrap());
    assert_eq!(of(&["--poll", "2"]).unwrap().options.poll, Duration::from_secs(2));
    std::fs::write(&file, "dta = \"x\"").unwrap();
    assert!(of(&[]).map(|_| ()).unwrap_err().words.contains("unknown field"));
}
