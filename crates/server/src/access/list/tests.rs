use super::*;
use crate::access::{Bindings, Role, Secret};

fn at(ms: i64) -> Moment {
    Moment::from_ms(ms)
}

fn new(name: &str, expires: Option<i64>) -> NewToken {
    NewToken {
        name: name.into(),
        roles: [Role::Submitter].into(),
        bindings: Some(Bindings::ANY),
        expires: expires.map(at),
    }
}

fn secret(seed: u32) -> Secret {
    let mut random = [0; 32];
    random[..4].copy_from_slice(&seed.to_be_bytes());
    Secret::new(&random)
}

fn with(list: &TokenList, seed: u32, expires: Option<i64>, now: i64) -> Result<TokenList, ListError> {
    list.with(new(&format!("s{seed}"), expires), secret(seed).digest(), at(now)).map(|(list, _)| list)
}

#[test]
fn a_token_is_taken_from_when_it_was_made_until_it_expires_or_is_revoked() {
    let list = with(&TokenList::default(), 1, Some(2_000), 1_000).unwrap();
    let list = with(&list, 2, None, 1_000).unwrap();
    let bearer = |list: &TokenList, seed: u32, now: i64| {
        list.bearer_of(secret(seed).text().as_bytes(), at(now)).map(|token| token.name.clone())
    };
    assert_eq!(bearer(&list, 1, 1_999), Ok("s1".into()));
    assert_eq!(bearer(&list, 1, 2_000), Err(Denied::Expired));
    assert_eq!(bearer(&list, 2, 9_000), Ok("s2".into()));
    assert_eq!(bearer(&list, 3, 1_000), Err(Denied::Unknown));
    let id = TokenId::of(&secret(2).digest());
    let (less, revoked) = list.without(id, at(3_000)).unwrap();
    assert_eq!(bearer(&less, 2, 3_000), Err(Denied::Revoked));
    assert_eq!(bearer(&less, 1, 1_500), Ok("s1".into()), "the other one is not touched");
    assert_eq!(revoked.revoked, Some(at(3_000)));
    assert_eq!(less.without(id, at(4_000)).unwrap().1.revoked, Some(at(3_000)), "once is for good");
    assert_eq!(list.without(TokenId::of(&secret(3).digest()), at(1)).map(drop), Err(ListError::Unknown));
}

/// A guess that has the id right, and nothing else: as if 32 bits of the digest had been met by chance.
#[test]
fn all_of_the_digest_counts_and_not_the_id_alone() {
    let mut digest = secret(1).digest();
    digest[31] ^= 1;
    let (list, _) = TokenList::default().with(new("s", None), digest, at(0)).unwrap();
    assert_eq!(list.bearer_of(secret(1).text().as_bytes(), at(0)), Err(Denied::Unknown));
    assert_eq!(with(&list, 1, None, 0), Err(ListError::IdTaken));
}

#[test]
fn the_list_is_bounded_and_forgets_what_is_over_first() {
    let mut list = with(&TokenList::default(), 0, None, 0).unwrap();
    for seed in 1..TOKENS_MAX as u32 {
        list = with(&list, seed, (seed == 7).then_some(1_000), 0).unwrap();
    }
    assert_eq!(with(&list, 5_000, None, 999), Err(ListError::Full));
    let list = with(&list, 5_000, None, 1_000).unwrap();
    assert_eq!(list.tokens().count(), TOKENS_MAX);
    assert_eq!(list.bearer_of(secret(7).text().as_bytes(), at(0)), Err(Denied::Unknown));
    assert_eq!(list.bearer_of(secret(6).text().as_bytes(), at(0)).unwrap().name, "s6");
    assert_eq!(list.bearer_of(secret(5_000).text().as_bytes(), at(0)).unwrap().name, "s5000");
}

#[test]
fn the_file_is_read_back_and_holds_no_token() {
    let list = with(&TokenList::default(), 1, Some(2_000), 1_000).unwrap();
    let list = with(&list, 2, None, 1_000).unwrap();
    let (list, _) = list.without(TokenId::of(&secret(1).digest()), at(1_500)).unwrap();
    let text = list.to_text();
    assert_eq!(TokenList::parse(&text).unwrap(), list);
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("dbk_") && !text.contains(&secret(1).text()[4..]));
    assert_eq!(TokenList::parse(br#"{"v":1,"tokens":[]}"#).unwrap(), TokenList::default());
}

#[test]
fn a_file_that_is_not_as_it_was_written_is_refused() {
    let list = with(&TokenList::default(), 1, None, 1_000).unwrap();
    let text = String::from_utf8(list.to_text()).unwrap();
    let kept = &text[text.find('[').unwrap() + 1..text.rfind(']').unwrap()];
    let digest = hex(&secret(1).digest());
    for (bend, bent, why) in [
        ("no JSON", "tokens".to_owned(), "expected"),
        ("another version", text.replace("\"v\": 1", "\"v\": 2"), "version is 2"),
        ("an unknown member", text.replace("\"v\": 1", "\"v\": 1, \"w\": 1"), "unknown field"),
        ("an unknown member of a token", text.replace("\"name\"", "\"nome\""), "unknown field"),
        ("an unknown role", text.replace("\"submitter\"", "\"root\""), "unknown variant"),
        ("upper case", text.replace(&digest, &digest.to_uppercase()), "hexadecimal"),
        ("a short digest", text.replace(&digest, &digest[2..]), "hexadecimal"),
        ("a time of another spelling", text.replace(".000Z", "Z"), "milliseconds"),
        ("no role", text.replace("\"submitter\"", ""), "needs a role"),
        ("a name that is none", text.replace("\"s1\"", "\"\""), "a token's name"),
        ("a token twice", text.replace(kept, &format!("{kept},{kept}")), "two tokens"),
        ("cut off", text[..text.len() - 3].to_owned(), "EOF"),
    ] {
        assert_ne!(bent, text, "{bend}: nothing was bent");
        let error = TokenList::parse(bent.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{bend}: {error}");
    }
    let many = vec![kept; TOKENS_MAX + 1].join(",");
    assert!(matches!(TokenList::parse(text.replace(kept, &many).as_bytes()), Err(BadList::TooMany)));
}
