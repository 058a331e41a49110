//! What must hold of a configuration beyond its types.

use crate::models;

use super::{ConfigError, Loaded};

impl Loaded {
    /// Checks what no single value's type can say.
    ///
    /// # Errors
    /// [`ConfigError::Refused`], with the key and where it stands.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let config = &self.config;
        config.elizaos.check().map_err(|at_fault| self.at_fault("elizaos", &at_fault))?;
        config.milady.check().map_err(|at_fault| self.at_fault("milady", &at_fault))?;
        config.trinity.check().map_err(|at_fault| self.at_fault("trinity", &at_fault))?;
        config.accounts.check().map_err(|at_fault| self.at_fault("accounts", &at_fault))?;
        let env = |name: &str| self.variable(name);
        models::build(&config.models(), &env)
            .map_err(|error| self.refused(&error.key, error.reason))?;
        config.speech.check().map_err(|at_fault| self.at_fault("speech", &at_fault))?;
        config.speech.endpoints(&env).map_err(|error| self.refused(&error.key, error.reason))?;
        if let Err(at_fault) = config.runtime.clone().checked() {
            return Err(self.at_fault("runtime", &at_fault));
        }
        if let Err(at_fault) = config.budget.clone().checked() {
            return Err(self.at_fault("budget", &at_fault));
        }
        config.tools.check().map_err(|at_fault| self.at_fault("tools", &at_fault.to_string()))?;
        config.credentials.check().map_err(|at_fault| self.at_fault("credentials", &at_fault))?;
        config.runtimes.check().map_err(|at_fault| self.at_fault("runtimes", &at_fault))?;
        config.log.parse_filter().map_err(|error| self.refused("log.filter", error))?;
        config.idempotency.check().map_err(|at_fault| self.at_fault("idempotency", &at_fault))?;
        config.mcp.check().map_err(|at_fault| self.at_fault("mcp", &at_fault))?;
        config.ssh.check().map_err(|at_fault| self.at_fault("ssh", &at_fault))?;
        config.server.check().map_err(|at_fault| self.at_fault("server", &at_fault))?;
        Ok(())
    }

    fn refused(&self, key: &str, reason: impl ToString) -> ConfigError {
        let origin = self.origin(key);
        ConfigError::Refused { origin, key: key.to_owned(), reason: reason.to_string() }
    }

    /// A refusal that begins with the name of the key at fault.
    fn at_fault(&self, section: &str, reason: &str) -> ConfigError {
        let key = reason.split([' ', ':']).next().unwrap_or_default();
        self.refused(&format!("{section}.{key}"), reason)
    }
}
