//! `signature_missing`, `signature_invalid`, `key_revoked`: the keys that the log itself announced, and who signs.

use std::collections::HashMap;

use super::{Found, Rule};
use crate::model::{KeyChange, KeyRole, Kind, Record};
use crate::signature::{KeyId, PublicKey, Signature, verify_batch};

/// Every key that was announced. The first key of a party is let in by an admin; a rotation has to be signed by the key
/// that goes.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_id: HashMap<KeyId, Known>,
    /// How many keys of a party count, by role: such a party has to sign.
    in_use: HashMap<(Role, String), usize>,
}

#[derive(Debug)]
struct Known {
    index: u64,
    key: PublicKey,
    owner: Option<(Role, String)>,
    gone: Option<u64>,
}

/// As what a party signs; the log's own key signs checkpoints, and no records of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Agent,
    Approver,
    Producer,
}

impl Role {
    const ALL: [Self; 3] = [Self::Agent, Self::Approver, Self::Producer];

    fn of(role: Option<KeyRole>) -> Option<Self> {
        match role? {
            KeyRole::Agent => Some(Self::Agent),
            KeyRole::Approver => Some(Self::Approver),
            KeyRole::Producer => Some(Self::Producer),
            KeyRole::Log => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Approver => "approver",
            Self::Producer => "producer",
        }
    }

    /// Who in the record would sign it in this role.
    fn party<'r>(self, record: &'r Record<'_>) -> Option<&'r str> {
        match self {
            Self::Agent => {
                let acts = matches!(
                    record.kind,
                    Kind::ActionRequested | Kind::ActionCompleted | Kind::SessionOpened | Kind::SessionClosed
                );
                record.agent.as_ref().filter(|_| acts).map(|agent| agent.sub.as_str())
            }
            Self::Approver => {
                let approval = record.approval.as_ref().filter(|_| record.kind == Kind::ApprovalDecided)?;
                approval.approver.as_ref().map(|party| party.sub.as_str())
            }
            Self::Producer => record.producer.as_ref().map(|producer| producer.id.as_str()),
        }
    }
}

impl Keys {
    pub(super) fn judge(&mut self, found: &mut Found<'_, '_>) {
        let signed = self.signatures(found);
        self.missing(&signed, found);
        self.change(found);
    }

    /// What is wrong with the signatures of a record that stands where the log ends, and with the change it makes.
    pub(super) fn look(&self, found: &mut Found<'_, '_>) {
        self.signatures(found);
        let record = found.seen.record;
        match (&record.kind, &record.key) {
            (Kind::KeyRegistered, Some(change)) => {
                announced(change, found);
            }
            (Kind::KeyRotated, Some(change))
                if !record.announces_log_key() && self.replaced(change, found).is_some() =>
            {
                announced(change, found);
            }
            _ => {}
        }
    }

    /// The keys that come, change and go with a record.
    pub(super) fn change(&mut self, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        let Some(change) = record.key.as_ref().filter(|_| !record.announces_log_key()) else { return };
        match record.kind {
            Kind::KeyRegistered => self.register(change, found),
            Kind::KeyRotated => self.rotate(change, found),
            Kind::KeyRevoked => self.revoke(change, found.seen.index),
            _ => {}
        }
    }

    /// Judges all signatures; answers whose they are, of those that hold.
    fn signatures(&self, found: &mut Found<'_, '_>) -> Vec<KeyId> {
        let signatures = found.seen.signatures;
        signatures
            .iter()
            .enumerate()
            .filter_map(|(place, signature)| self.one(place, signature, found))
            .collect()
    }

    /// Whether each signature over these records holds under the key that it names, where that is known.
    pub(super) fn check_together(&self, signed: &[(&[u8], &[Signature])]) -> Vec<Vec<Option<bool>>> {
        let known = |signature: &Signature| self.by_id.get(&signature.kid());
        let checks: Vec<_> = signed
            .iter()
            .flat_map(|(canonical, signatures)| {
                signatures.iter().map(move |signature| (*canonical, signature))
            })
            .filter_map(|(canonical, signature)| Some((&known(signature)?.key, canonical, signature)))
            .collect();
        let mut verdicts = verify_batch(&checks).into_iter();
        let mut verdict = |signature: &Signature| known(signature).and_then(|_| verdicts.next());
        signed.iter().map(|(_, signatures)| signatures.iter().map(&mut verdict).collect()).collect()
    }

    /// Judges one signature; answers whose it is if it holds, revoked or not.
    fn one(&self, place: usize, signature: &Signature, found: &mut Found<'_, '_>) -> Option<KeyId> {
        let kid = signature.kid();
        let Some(known) = self.by_id.get(&kid) else {
            // Whether that one counts is for whoever follows the log's keys from one that he trusts.
            if found.seen.record.announces_log_key() && replaces(found.seen.record, kid) {
                return None;
            }
            found.push(Rule::SignatureInvalid, &[], format!("no key {kid} was announced before"));
            return None;
        };
        let held = found.held.and_then(|held| held.at(place));
        if !held.unwrap_or_else(|| known.key.verify(found.seen.canonical, signature)) {
            found.push(
                Rule::SignatureInvalid,
                &[known.index],
                format!("the signature by key {kid} does not hold"),
            );
            return None;
        }
        let record = found.seen.record;
        if let Some((role, party)) = &known.owner
            && role.party(record) != Some(party)
            && !replaces(record, kid)
        {
            let why = format!(
                "the signature is by {party:?} as {}, whom the record does not name so",
                role.as_str()
            );
            found.push(Rule::SignatureInvalid, &[known.index], why);
            return None;
        }
        if let Some(gone) = known.gone {
            let why = format!("key {kid} was revoked or replaced before");
            found.push(Rule::KeyRevoked, &[known.index, gone], why);
        }
        Some(kid)
    }

    /// A party with a key signs what it has its name on.
    fn missing(&self, signed: &[KeyId], found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        for role in Role::ALL {
            let Some(party) = role.party(record) else { continue };
            let owner = (role, party.to_owned());
            let has_key = self.in_use.get(&owner).is_some_and(|&keys| keys > 0);
            let owns =
                |kid: &KeyId| self.by_id.get(kid).is_some_and(|known| known.owner.as_ref() == Some(&owner));
            if has_key && !signed.iter().any(owns) {
                let keys = self.by_id.values().filter(|known| known.owner.as_ref() == Some(&owner));
                let rests_on: Vec<u64> =
                    keys.filter(|known| known.gone.is_none()).map(|known| known.index).collect();
                let why = format!("{party:?} has a key as {} and did not sign", role.as_str());
                found.push(Rule::SignatureMissing, &rests_on, why);
            }
        }
    }

    /// The first announcement of a key stands: nobody takes it over by announcing it again.
    fn register(&mut self, change: &KeyChange<'_>, found: &mut Found<'_, '_>) {
        let Some(key) = announced(change, found) else { return };
        if self.by_id.contains_key(&key.id()) {
            return;
        }
        let owner =
            Role::of(change.role).zip(change.party.as_ref().map(|party| party.sub.as_str().to_owned()));
        if let Some(owner) = &owner {
            *self.in_use.entry(owner.clone()).or_default() += 1;
        }
        self.by_id.insert(key.id(), Known { index: found.seen.index, key, owner, gone: None });
    }

    /// A rotation counts only if the key that goes signed it.
    fn rotate(&mut self, change: &KeyChange<'_>, found: &mut Found<'_, '_>) {
        let Some(old) = self.replaced(change, found) else { return };
        self.register(change, found);
        self.end(old, found.seen.index);
    }

    /// The key that a rotation replaces, if that is in use and signed the rotation.
    fn replaced(&self, change: &KeyChange<'_>, found: &mut Found<'_, '_>) -> Option<KeyId> {
        let old = change.replaces.as_ref().and_then(|kid| kid.parse::<KeyId>().ok());
        let known = old.and_then(|kid| Some((kid, self.by_id.get(&kid)?)));
        let Some((old, known)) = known.filter(|(_, known)| known.gone.is_none()) else {
            found.push(Rule::SignatureInvalid, &[], "the key that is replaced is not in use");
            return None;
        };
        let mut by_old = found.seen.signatures.iter().filter(|signature| signature.kid() == old);
        if by_old.any(|signature| known.key.verify(found.seen.canonical, signature)) {
            return Some(old);
        }
        let why = "the key that is replaced did not sign the rotation";
        found.push(Rule::SignatureInvalid, &[known.index], why);
        None
    }

    fn revoke(&mut self, change: &KeyChange<'_>, index: u64) {
        if let Ok(kid) = change.kid.parse::<KeyId>() {
            self.end(kid, index);
        }
    }

    fn end(&mut self, kid: KeyId, index: u64) {
        let Some(known) = self.by_id.get_mut(&kid).filter(|known| known.gone.is_none()) else { return };
        known.gone = Some(index);
        if let Some(keys) = known.owner.as_ref().and_then(|owner| self.in_use.get_mut(owner)) {
            *keys = keys.saturating_sub(1);
        }
    }
}

/// Whether the record is the rotation of this very key.
fn replaces(record: &Record<'_>, kid: KeyId) -> bool {
    let replaced = record.key.as_ref().and_then(|change| change.replaces.as_ref());
    record.kind == Kind::KeyRotated && replaced.is_some_and(|text| text.parse() == Ok(kid))
}

/// The key that comes; or that it is none is found.
fn announced(change: &KeyChange<'_>, found: &mut Found<'_, '_>) -> Option<PublicKey> {
    let key = public_key(change);
    if key.is_none() {
        found.push(Rule::SignatureInvalid, &[], "the key announced is no Ed25519 key of that name");
    }
    key
}

/// The key that comes, if it is one and has the name it is given.
fn public_key(change: &KeyChange<'_>) -> Option<PublicKey> {
    let key: PublicKey = change.public.as_ref()?.parse().ok()?;
    (change.kid.parse() == Ok(key.id())).then_some(key)
}
