use tlog::key::Signer;

use super::*;

fn log(name: &str, number: u8, origin: &str) -> EnrolledLog {
    let key = Signer::from_seed(name.parse().unwrap(), &[number; 32]);
    let text = format!("{EMPTY}vkey {}\n{origin}qpd 9\ncontact c\n", key.verifier_key());
    Enrolled::parse(text.as_bytes()).unwrap().logs()[0].clone()
}

fn origins(list: &str) -> Vec<String> {
    Enrolled::parse(list.as_bytes()).unwrap().logs().iter().map(|log| log.origin().to_string()).collect()
}

#[test]
fn logs_come_and_go_and_comments_stay() {
    let [a, b, c] = [log("a", 1, ""), log("x", 2, "origin b\n"), log("c", 3, "")];
    let list = with("# mine\nlogs/v0\n# the first\n", &a);
    let list = with(&with(&list, &b), &c) + "\n# the end";
    assert_eq!(origins(&list), ["a", "b", "c"]);
    let less = without(&list, &"b".parse().unwrap());
    assert_eq!(origins(&less), ["a", "c"]);
    for comment in ["# mine", "# the first", "# the end"] {
        assert!(less.contains(comment), "{less}");
    }
    assert_eq!(without(&less, &"x".parse().unwrap()), less, "x is the name of a key, and no origin here");
    assert_eq!(origins(&with(&less, &b)), ["a", "c", "b"]);
    let none = ["a", "c"].iter().fold(less, |list, origin| without(&list, &origin.parse().unwrap()));
    assert!(origins(&none).is_empty());
}

#[test]
fn a_list_is_read_when_it_changes_and_not_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let (mut watched, list) = Watched::open(home.path()).unwrap();
    assert!(list.logs().is_empty());
    let path = directory::list_path(home.path());
    let age = |seconds| {
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    age(60);
    assert!(watched.look().is_some(), "other than when it was written");
    assert!(watched.look().is_none());
    std::fs::write(&path, with(EMPTY, &log("a", 1, ""))).unwrap();
    assert_eq!(watched.look().unwrap().unwrap().logs().len(), 1);
    assert!(watched.look().is_some(), "it is so new that it may have changed again");
    std::fs::write(&path, "logs/v0\nnonsense\n").unwrap();
    assert!(watched.look().unwrap().is_err());
    age(30);
    assert!(watched.look().unwrap().is_err());
    assert!(watched.look().is_none(), "no less wrong than before");
    std::fs::write(&path, with(EMPTY, &log("a", 1, ""))).unwrap();
    age(60);
    let refused = |_: &Path| Err(Failure::could_not_tell("permission denied"));
    assert!(watched.look_with(refused).unwrap().is_err());
    assert_eq!(watched.look().unwrap().unwrap().logs().len(), 1, "it can be read again, and looks as before");
    assert!(watched.look().is_none());
    std::fs::remove_file(&path).unwrap();
    assert!(watched.look().unwrap().is_err());
}
