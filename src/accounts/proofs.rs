//! Proofs that an address is somebody's, who is let in nowhere by that alone.

use super::{Accounts, AccountsError, address};

impl Accounts {
    /// Sends a code to an address, by which whoever reads it can prove that it is theirs, for one
    /// purpose alone.
    ///
    /// # Errors
    /// [`AccountsError::NotAnAddress`], [`AccountsError::TooManyTries`].
    pub fn send_proof(&self, purpose: &str, email: &str) -> Result<(), AccountsError> {
        let email = address(email).ok_or(AccountsError::NotAnAddress)?;
        let proofs = &self.inner.proofs;
        // By the address alone: nobody is to be written to for a hundred purposes.
        let admitted = proofs.requests.admit(email.clone(), self.now());
        admitted.map_err(AccountsError::TooManyTries)?;
        self.send_new(proofs, who(purpose, &email), email)
    }

    /// The address that a code proves to be somebody's, in lower case.
    ///
    /// # Errors
    /// [`AccountsError::WrongCode`], [`AccountsError::TooManyTries`].
    pub fn prove(&self, purpose: &str, email: &str, code: &str) -> Result<String, AccountsError> {
        let email = address(email).ok_or(AccountsError::WrongCode)?;
        let (proofs, who) = (&self.inner.proofs, who(purpose, &email));
        self.guess(proofs, &who, code)?;
        proofs.guesses.forgive(&who);
        Ok(email)
    }
}

fn who(purpose: &str, email: &str) -> String {
    format!("{purpose} {email}")
}
