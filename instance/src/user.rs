//! `shoal user`: makes users, gives them other passwords and takes their second factor away, whether or not the server runs.

use std::io::{self, Write};

use anyhow::Context;
use sidecar::field::{Email, Password, Username};
use sidecar::{Sidecar, UserError};

use crate::config::Config;
use crate::key;

/// Makes a user, and prints their name and password.
pub(crate) fn create(
    config: &Config,
    name: &str,
    role: &str,
    email: Option<&str>,
) -> anyhow::Result<()> {
    let name = read_name(name)?;
    let role = role.parse().with_context(|| format!("--role {role}"))?;
    let email = email.map(|text| Email::parse(text).with_context(|| format!("--email {text}")));
    let email = email.transpose()?;
    with(config, &name, async |sidecar| sidecar.create_user(&name, email, role).await)
}

/// Gives a user another password, and prints it.
pub(crate) fn reset_password(config: &Config, name: &str) -> anyhow::Result<()> {
    let name = read_name(name)?;
    with(config, &name, async |sidecar| sidecar.reset_password(&name).await)
}

/// Has a user who lost their telephone come in by their password alone again.
pub(crate) fn disable_two_factor(config: &Config, name: &str) -> anyhow::Result<()> {
    let name = read_name(name)?;
    opened(config, async |sidecar| sidecar.disable_two_factor(&name).await)?;
    writeln!(io::stdout(), "username: {name}\ntwo-factor: off")
        .context("it is done, and could not be written to the terminal")
}

fn read_name(text: &str) -> anyhow::Result<Username> {
    Username::parse(text).with_context(|| format!("the username {text:?}"))
}

fn with(
    config: &Config,
    name: &Username,
    work: impl AsyncFnOnce(&Sidecar) -> Result<Password, UserError>,
) -> anyhow::Result<()> {
    let password = opened(config, work)?;
    writeln!(io::stdout(), "username: {name}\npassword: {}", password.reveal())
        .context("the password is set, and could not be written to the terminal")
}

fn opened<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Sidecar) -> Result<T, UserError>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start")?.block_on(async {
        let public_url = config.public_url(config.server.listen);
        let data = &config.server.data;
        let key = key::ensure(data)?;
        let sidecar = Sidecar::open(&config.database, &config.accounts, data, public_url, key);
        let sidecar = sidecar.await?;
        let done = work(&sidecar).await;
        sidecar.close().await;
        anyhow::Ok(done?)
    })
}
