//! The password of a file with an agent: from a prompt or from the environment, and never an
//! argument, which every user of the machine can read.

use std::io::IsTerminal;

use zeroize::Zeroizing;

use crate::transfer::Password;

use super::CliError;

/// The variable that holds the password where nobody is there to be asked.
const VARIABLE: &str = "GREENROOM_PASSWORD";

/// What the help of a command says of the password that it needs.
pub(super) const HELP: &str =
    "The password of an agent's file is asked for, or taken from GREENROOM_PASSWORD.";

/// The password of a file that there is.
pub(super) fn known() -> Result<Password, CliError> {
    match of_environment()? {
        Some(text) => fit(text),
        None => fit(asked("Password of the file: ")?),
    }
}

/// A password for a new file; whoever is asked is asked twice.
pub(super) fn chosen() -> Result<Password, CliError> {
    chosen_as("Password for the file: ", fit)
}

/// A new password that `fit` takes; whoever is asked is asked twice.
pub(super) fn chosen_as<T>(
    prompt: &str,
    fit: impl FnOnce(Zeroizing<String>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    if let Some(text) = of_environment()? {
        return fit(text);
    }
    // Before it has to be typed again.
    let text = asked(prompt)?;
    let password = fit(text.clone())?;
    if asked("Once more: ")? != text {
        return Err(CliError::Failed("the two passwords are not the same".to_owned()));
    }
    Ok(password)
}

fn fit(text: Zeroizing<String>) -> Result<Password, CliError> {
    Password::new(text).map_err(|error| CliError::Failed(error.to_string()))
}

/// An empty variable is as good as none.
fn of_environment() -> Result<Option<Zeroizing<String>>, CliError> {
    match std::env::var(VARIABLE) {
        Ok(text) => Ok(Some(Zeroizing::new(text)).filter(|text| !text.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(CliError::Failed(format!("{VARIABLE} is not valid UTF-8")))
        }
    }
}

fn asked(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    // The prompt would find the terminal all the same, and wait there unseen.
    if !std::io::stdin().is_terminal() {
        let reason = format!("there is no terminal to ask for the password at; set {VARIABLE}");
        return Err(CliError::Failed(reason));
    }
    Ok(Zeroizing::new(rpassword::prompt_password(prompt)?))
}
