//! What carries an agent's work out: the program that was asked for, or a model in its place.

use greenroom_actors::character::Character;
use serde::Serialize;
use utoipa::ToSchema;

use crate::host::Host;
use crate::roster::Known;
use crate::runtimes::Which;

/// What carries an agent's work out.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentRuntime {
    /// As it was asked for.
    asked: String,
    /// `claude-code` or `gemini-cli`, the programs; `model`: a model of this host's configuration.
    answered_by: &'static str,
    /// The model that answers; null: the program's own choice.
    model: Option<String>,
    /// Why it is a model; null where it is a program.
    reason: Option<&'static str>,
}

impl AgentRuntime {
    pub(super) fn of(host: &Host, agent: &Known, character: &Character) -> Self {
        let which = host.runtimes.which(agent.id, character);
        Self {
            asked: agent.entry.runtime.clone(),
            model: model(host, &which, character),
            answered_by: match which {
                Which::Program(kind) => kind.as_str(),
                Which::Model(_) => "model",
            },
            reason: match which {
                Which::Program(_) => None,
                Which::Model(reason) => Some(reason),
            },
        }
    }
}

/// The model that answers, if that is known: of a program, the one that it is told; otherwise the
/// agent's own where the host has it, and the usual one where it has not.
pub(super) fn model(host: &Host, which: &Which, character: &Character) -> Option<String> {
    match which {
        Which::Program(_) => host.runtimes.model_of(character),
        Which::Model(_) => {
            let offers = host.models.offers();
            let own = character.model();
            let own = own.filter(|own| offers.iter().any(|offer| offer.name == **own));
            let usual = || Some(offers.iter().find(|offer| offer.is_default)?.name.clone());
            own.map(str::to_owned).or_else(usual)
        }
    }
}
