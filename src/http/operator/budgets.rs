//! What agents have spent on models, and what they may.

use actix_web::web::{Data, Path, Query};
use greenroom_actors::budget::{Account, Amount, Ceiling, DayUsage, Level, UsageQuery, UtcDay};
use greenroom_actors::ids::AgentId;
use serde::{Deserialize, Serialize};

use crate::host::Host;

use super::Answer;
use super::error::OperatorError;
use super::lookup::Who;
use super::page::Page;
use super::wire::Success;

/// Rows in one answer at most.
const ROWS_MAX: u32 = 10_000;

/// Rows in one answer where nothing is said.
const ROWS_USUAL: u32 = 1_000;

/// The budgets of an agent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BudgetView {
    agent_id: AgentId,
    budgets: Vec<AccountView>,
}

/// One budget that an agent spends from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountView {
    scope: &'static str,
    whose: String,
    day: Option<UtcDay>,
    ceiling: CeilingView,
    spent: AmountView,
    /// What calls in flight may still cost.
    reserved: AmountView,
    /// Whether it has come to its soft mark.
    is_marked: bool,
}

#[derive(Serialize)]
struct CeilingView {
    tokens: Option<u64>,
    usd: Option<f64>,
}

#[derive(Serialize)]
struct AmountView {
    tokens: u64,
    usd: f64,
}

/// Which usage.
#[derive(Deserialize)]
pub(super) struct UsageFilter {
    agent: Option<Who>,
    owner: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// What was used.
#[derive(Serialize)]
pub(super) struct UsageView {
    usage: Vec<RowView>,
    /// Of these rows.
    totals: Totals,
}

#[derive(Serialize)]
struct RowView {
    #[serde(flatten)]
    row: DayUsage,
    usd: f64,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    calls: u64,
    presumed_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost_micros: u64,
    usd: f64,
}

/// How the budgets that an agent spends from stand.
pub(super) async fn budget(who: Path<Who>, host: Data<Host>) -> Answer<BudgetView> {
    let agent_id = who.find(&host.registry).await?.id;
    let budgets = host.registry.budgets(agent_id).await?;
    let budgets = budgets.into_iter().map(AccountView::of).collect();
    Ok(Success::of(BudgetView { agent_id, budgets }))
}

/// What was used, by agent, model and day.
pub(super) async fn usage(filter: Query<UsageFilter>, host: Data<Host>) -> Answer<UsageView> {
    let agent_id = match &filter.agent {
        None => None,
        Some(who) => Some(who.find(&host.registry).await?.id),
    };
    let (offset, limit) = filter.page.read_usually(ROWS_USUAL, ROWS_MAX)?;
    let query = UsageQuery {
        agent_id,
        owner: filter.owner.clone(),
        from: day("from", filter.from.as_deref())?,
        to: day("to", filter.to.as_deref())?,
        offset,
        limit,
    };
    let rows = host.registry.store().usage(query).await?;
    let totals = rows.iter().fold(Totals::default(), Totals::with);
    let view = |row: DayUsage| RowView { usd: usd(row.cost_micros), row };
    Ok(Success::of(UsageView { usage: rows.into_iter().map(view).collect(), totals }))
}

fn day(field: &'static str, text: Option<&str>) -> Result<Option<UtcDay>, OperatorError> {
    let parsed = text.map(str::parse::<UtcDay>).transpose();
    parsed.map_err(|error| OperatorError::Invalid { field, reason: error.to_string() })
}

impl AccountView {
    fn of((account, ceiling, level): (Account, Ceiling, Level)) -> Self {
        Self {
            scope: account.scope.as_str(),
            whose: account.whose,
            day: account.day,
            ceiling: CeilingView { tokens: ceiling.tokens, usd: ceiling.cost_micros.map(usd) },
            spent: AmountView::of(level.spent),
            reserved: AmountView::of(level.held),
            is_marked: level.is_marked,
        }
    }
}

impl AmountView {
    fn of(amount: Amount) -> Self {
        Self { tokens: amount.tokens, usd: usd(amount.cost_micros) }
    }
}

impl Totals {
    fn with(self, row: &DayUsage) -> Self {
        let cost_micros = self.cost_micros.saturating_add(row.cost_micros);
        Self {
            calls: self.calls.saturating_add(row.calls),
            presumed_calls: self.presumed_calls.saturating_add(row.presumed_calls),
            input_tokens: self.input_tokens.saturating_add(row.input_tokens),
            output_tokens: self.output_tokens.saturating_add(row.output_tokens),
            cost_micros,
            usd: usd(cost_micros),
        }
    }
}

/// Millionths in dollars.
#[allow(clippy::as_conversions, reason = "there is no other way, and the loss is far off")]
fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}
