//! `greenroom approvals`: what agents want to do and may not without a person's yes.

use std::io::Write;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::config::Loaded;

use super::CliError;
use super::agents::{escaped, print_json, text_of, time};
use super::client::Remote;
use super::page::Page;
use super::{plain, table};

/// What to do with approvals.
#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// Lists approvals that wait, those asked for first before the others.
    List(List),
    /// Allows a call: its run goes on, and makes it.
    Grant(Decide),
    /// Refuses a call: its run goes on without it, and the agent is told why.
    Deny(Decide),
}

/// `greenroom approvals list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this agent: its id, name or handle.
    #[arg(long)]
    agent: Option<String>,
    /// Only those of this status: waiting, granted, denied, expired or all.
    #[arg(long, default_value = "waiting")]
    status: String,
    #[command(flatten)]
    page: Page,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// `greenroom approvals grant` and `deny`.
#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The approval's id.
    id: String,
    /// What to tell the agent about it.
    #[arg(long)]
    comment: Option<String>,
    /// Who decides.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    by: String,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Approvals {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.carry_out(loaded, out).await,
            Self::Grant(decide) => decide.carry_out("grant", loaded, out).await,
            Self::Deny(decide) => decide.carry_out("deny", loaded, out).await,
        }
    }
}

impl List {
    async fn carry_out(self, loaded: &Loaded, out: &mut dyn Write) -> Result<(), CliError> {
        let mut path = format!(
            "/api/greenroom/approvals?{}&status={}",
            self.page.query(),
            escaped(&self.status)
        );
        if let Some(agent) = &self.agent {
            path.push_str(&format!("&agent={}", escaped(agent)));
        }
        let answer = self.remote.client(loaded)?.ask(Method::GET, &path, None).await?;
        if self.json {
            return print_json(out, &answer);
        }
        let approvals = answer.get("approvals").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<_> = approvals
            .map(|approval| {
                [
                    text_of(approval, "id").to_owned(),
                    text_of(approval, "agentId").to_owned(),
                    text_of(approval, "status").to_owned(),
                    approval.get("askedAt").and_then(Value::as_i64).map(time).unwrap_or_default(),
                    text_of(approval, "tool").to_owned(),
                    approval.get("arguments").map(Value::to_string).unwrap_or_default(),
                ]
            })
            .collect();
        table::write(out, ["ID", "AGENT", "STATUS", "ASKED", "TOOL", "ARGUMENTS"], &rows)?;
        self.page.hint(rows.len(), answer.get("total").and_then(Value::as_u64));
        Ok(())
    }
}

impl Decide {
    async fn carry_out(
        self,
        verb: &str,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let path = format!("/api/greenroom/approvals/{}/{verb}", escaped(&self.id));
        let body = json!({"by": self.by, "comment": self.comment});
        let answer = self.remote.client(loaded)?.ask(Method::POST, &path, Some(&body)).await?;
        if self.json {
            return print_json(out, &answer);
        }
        let (tool, status) = (text_of(&answer, "tool"), text_of(&answer, "status"));
        writeln!(out, "{} is {}", plain::line(tool), plain::line(status))?;
        Ok(())
    }
}
