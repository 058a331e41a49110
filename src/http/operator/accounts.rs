//! Accounts: the administrator's password.

use actix_web::web::Data;

use crate::accounts::{AccountsError, HandoverError};
use crate::host::Host;

use super::Answer;
use super::error::OperatorError;
use super::wire::{PasswordTaken, Success};

/// Takes the password that was handed over in the data folder. The request says nothing itself: who
/// may ask need not be one who may govern the machine.
pub(super) async fn take_over(host: Data<Host>) -> Answer<PasswordTaken> {
    match host.accounts.take_over().await {
        Ok(true) => Ok(Success::of(PasswordTaken { taken: true })),
        Ok(false) => {
            let told = "no password was handed over in this host's data folder";
            Err(OperatorError::Handover(told.to_owned()))
        }
        Err(HandoverError::Accounts(AccountsError::Core(error))) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "a password that was handed over is not taken");
            Err(OperatorError::Handover(error.to_string()))
        }
    }
}
