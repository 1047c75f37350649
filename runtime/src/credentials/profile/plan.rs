//! From a profile to a plan, pure: which credentials to begin with, and which roles to assume from there.

use super::files::{Found, Profile, Profiles, SOURCE};
use crate::credentials::fault::{absent, broken};
use crate::error::S3Error;
use crate::identity::Credentials;

/// How a profile comes to its credentials.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) base: Base,
    /// Assumed one with the credentials of the other, in this order.
    pub(super) roles: Vec<Role>,
}

/// Where a plan begins.
#[derive(Debug)]
pub(super) enum Base {
    Keys(Credentials),
    Process { command: String, place: String },
    Sso(Sso),
    WebIdentity { token_file: String, role: String, session: Option<String>, region: Option<String> },
    Named { source: Named, place: String },
}

/// A source that `credential_source` names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    Environment,
    InstanceMetadata,
    Container,
}

#[derive(Debug)]
pub(super) struct Sso {
    pub(super) profile: String,
    pub(super) session: Option<String>,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration: Option<u32>,
    pub(super) region: Option<String>,
    pub(super) place: String,
}

/// Longer chains of `source_profile` are a mistake: each link is a round trip.
const LONGEST: usize = 16;

/// The plan of the named profile. `chosen`: somebody asked for it by name, so it must exist.
pub(super) fn plan(profiles: &Profiles, name: &str, chosen: bool) -> Result<Plan, S3Error> {
    let Some(first) = profiles.profile(name) else {
        let why = format!("no profile {name} in {}", profiles.describe());
        return Err(match chosen {
            true => broken(SOURCE, why).with_suggestion("correct or unset AWS_PROFILE, or add the profile"),
            false => absent(SOURCE, why),
        });
    };
    let mut roles = Vec::new();
    let mut visited = vec![first.name()];
    let mut profile = first;
    loop {
        // A profile that names itself as its source means its own keys.
        let own_keys = visited.iter().filter(|v| **v == profile.name()).count() > 1;
        let Some(arn) = profile.get("role_arn").filter(|_| !own_keys) else { break };
        refuse_mfa(&profile)?;
        if let Some(token_file) = profile.value("web_identity_token_file") {
            roles.reverse();
            let base = Base::WebIdentity {
                token_file: token_file.to_owned(),
                role: arn.value().to_owned(),
                session: owned(&profile, "role_session_name"),
                region: owned(&profile, "region"),
            };
            return Ok(Plan { base, roles });
        }
        roles.push(role(&profile, arn)?);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(one), Some(_)) => {
                return Err(broken(
                    SOURCE,
                    format!("{}: source_profile and credential_source exclude each other", one.place()),
                ));
            }
            (None, None) => {
                let why = "role_arn needs source_profile, credential_source or web_identity_token_file";
                return Err(broken(SOURCE, format!("{}: {why}", arn.place())));
            }
            (None, Some(found)) => {
                roles.reverse();
                return Ok(Plan { base: Base::Named { source: named(&found)?, place: found.place() }, roles });
            }
            (Some(found), None) => {
                let next = profiles.profile(found.value()).ok_or_else(|| {
                    let why = format!("source_profile names {}, which does not exist", found.value());
                    broken(SOURCE, format!("{}: {why}", found.place()))
                })?;
                let itself = next.name() == profile.name() && next.get("aws_access_key_id").is_some();
                if (visited.contains(&next.name()) && !itself) || visited.len() > LONGEST {
                    let path = [visited.as_slice(), &[next.name()]].concat().join(" -> ");
                    return Err(broken(SOURCE, format!("{}: source_profile goes in a circle, {path}", found.place())));
                }
                visited.push(next.name());
                profile = next;
            }
        }
    }
    roles.reverse();
    match base(profiles, &profile)? {
        Some(base) => Ok(Plan { base, roles }),
        None if roles.is_empty() => {
            Err(absent(SOURCE, format!("{}: the profile {name} says nothing about credentials", profile.place())))
        }
        None => Err(broken(
            SOURCE,
            format!("{}: the profile {} is a source_profile without credentials", profile.place(), profile.name()),
        )),
    }
}

/// The credentials a profile has by itself.
fn base(profiles: &Profiles, profile: &Profile<'_>) -> Result<Option<Base>, S3Error> {
    match (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => {
            let mut keys = Credentials::new(id.value(), secret.value()).with_source(SOURCE);
            if let Some(token) = profile.value("aws_session_token") {
                keys = keys.with_session_token(token);
            }
            if let Some(account) = profile.value("aws_account_id") {
                keys = keys.with_account_id(account);
            }
            return Ok(Some(Base::Keys(keys)));
        }
        (Some(half), None) => return Err(half_a_pair(&half, "aws_secret_access_key")),
        (None, Some(half)) => return Err(half_a_pair(&half, "aws_access_key_id")),
        (None, None) => {}
    }
    if let Some(sso) = sso(profiles, profile)? {
        return Ok(Some(Base::Sso(sso)));
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Some(Base::Process { command: command.value().to_owned(), place: command.place() }));
    }
    if let Some(found) = profile.get("credential_source") {
        let why = "credential_source needs role_arn";
        return Err(broken(SOURCE, format!("{}: {why}", found.place())));
    }
    Ok(None)
}

fn half_a_pair(half: &Found<'_>, lacking: &str) -> S3Error {
    broken(SOURCE, format!("{}: half a key pair, {lacking} is missing", half.place()))
}

fn sso(profiles: &Profiles, profile: &Profile<'_>) -> Result<Option<Sso>, S3Error> {
    let session = profile.get("sso_session");
    // An account and a role alone say nothing about where to sign in.
    let Some(begin) = session.or_else(|| profile.get("sso_start_url")) else { return Ok(None) };
    let lacks = |name: &str| broken(SOURCE, format!("{}: SSO needs {name}", begin.place()));
    let holder = match &session {
        Some(found) => profiles
            .sso_session(found.value())
            .ok_or_else(|| broken(SOURCE, format!("{}: there is no [sso-session {}]", found.place(), found.value())))?,
        None => profile.clone(),
    };
    let of = |from: &Profile<'_>, name: &str| owned(from, name).ok_or_else(|| lacks(name));
    Ok(Some(Sso {
        profile: profile.name().to_owned(),
        session: session.map(|found| found.value().to_owned()),
        start_url: of(&holder, "sso_start_url")?,
        region: of(&holder, "sso_region")?,
        account: of(profile, "sso_account_id")?,
        role: of(profile, "sso_role_name")?,
    }))
}

fn role(profile: &Profile<'_>, arn: Found<'_>) -> Result<Role, S3Error> {
    let duration = match profile.get("duration_seconds") {
        None => None,
        Some(found) => match found.value().parse() {
            Ok(seconds) if (900..=43_200).contains(&seconds) => Some(seconds),
            _ => {
                let why = "duration_seconds is not a number from 900 to 43200";
                return Err(broken(SOURCE, format!("{}: {why}", found.place())));
            }
        },
    };
    Ok(Role {
        arn: arn.value().to_owned(),
        session: owned(profile, "role_session_name"),
        external_id: owned(profile, "external_id"),
        duration,
        region: owned(profile, "region"),
        place: arn.place(),
    })
}

fn refuse_mfa(profile: &Profile<'_>) -> Result<(), S3Error> {
    let Some(found) = profile.get("mfa_serial") else { return Ok(()) };
    Err(broken(
        SOURCE,
        format!(
            "{}: the profile {} asks for an MFA code, which a program cannot type in",
            found.place(),
            profile.name()
        ),
    )
    .with_suggestion(
        "get a session by `aws sts get-session-token` or use SSO or a credential_process that asks for the code",
    ))
}

fn named(found: &Found<'_>) -> Result<Named, S3Error> {
    match found.value() {
        "Environment" => Ok(Named::Environment),
        "Ec2InstanceMetadata" => Ok(Named::InstanceMetadata),
        "EcsContainer" => Ok(Named::Container),
        _ => {
            let why = "credential_source is none of Environment, Ec2InstanceMetadata, EcsContainer";
            Err(broken(SOURCE, format!("{}: {why}", found.place())))
        }
    }
}

#[inline(never)]
fn owned(profile: &Profile<'_>, name: &str) -> Option<String> {
    profile.value(name).map(str::to_owned)
}
