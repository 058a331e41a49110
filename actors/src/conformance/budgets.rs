//! Budgets: what is reserved, what is spent, and that no ceiling is exceeded.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::budget::{
    Amount, Ceiling, Ceilings, DayUsage, Exceeded, Level, Rate, Reservation, Scope, Unit,
    UsageQuery, UtcDay,
};
use crate::error::StoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::AgentId;
use crate::ports::{Pruned, Retention};
use crate::runs::{Run, RunStatus, StepEnd, StepStatus, Usage};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, end, intended, run, started, step};

const DAY: UtcDay = UtcDay(20_000);

/// A reservation of 100 tokens and 1,000 millionths for a step of a run.
fn reservation(run: &Run, index: u32) -> Reservation {
    Reservation {
        run_id: run.id,
        index,
        agent_id: run.agent_id,
        owner: "Eve".into(),
        model: "asked".into(),
        day: DAY,
        input_tokens: 80,
        output_tokens: 20,
        cost_micros: 1_000,
        rate: Rate { input: 1.0, output: 2.5 },
        ceilings: Ceilings::default(),
        mark_percent: 80,
    }
}

fn reserved(reservation: &Reservation) -> Fact {
    Fact::Reserved(Box::new(reservation.clone()))
}

fn money(cost_micros: u64) -> Ceiling {
    Ceiling { tokens: None, cost_micros: Some(cost_micros) }
}

/// The same with a ceiling on money for its owner.
fn below(reservation: Reservation, cost_micros: u64) -> Reservation {
    let ceilings = Ceilings { owner: money(cost_micros), ..reservation.ceilings };
    Reservation { ceilings, ..reservation }
}

fn settled(run: &Run, index: u32, cost_micros: Option<u64>) -> Fact {
    Fact::StepEnded(Box::new(StepEnd {
        run_id: run.id,
        index,
        status: StepStatus::Succeeded,
        outcome: Value::Null,
        ended_at: UnixMillis(20),
        usage: Usage {
            model: Some("tiny".into()),
            input_tokens: 10,
            output_tokens: 4,
            cost_micros,
        },
    }))
}

fn ended(run: &Run) -> Fact {
    Fact::RunEnded(Box::new(end(run, RunStatus::Cancelled, 30)))
}

async fn level(on: &Subject, of: &Reservation, scope: Scope) -> Level {
    on.levels(vec![of.account(scope)]).await.unwrap()[0]
}

fn amount(tokens: u64, cost_micros: u64) -> Amount {
    Amount { tokens, cost_micros }
}

async fn begin(on: &Subject, agent: AgentId, number: u128) -> Run {
    let run = run(agent, number, 10);
    on.keep([started(&run)]).await;
    run
}

pub(super) async fn what_a_call_may_cost_is_held_until_it_ends(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let call = reservation(&run, 0);
    assert_eq!(on.open_reservations().await.unwrap(), 0);
    assert_eq!(on.keep([reserved(&call), intended(&step(&run, 0))]).await.affected, [1, 1]);
    assert_eq!(on.affected(reserved(&call)).await, 0, "it is reserved once");
    assert_eq!(on.open_reservations().await.unwrap(), 1);
    for scope in Scope::ALL {
        let held = if scope == Scope::Run { Amount::default() } else { amount(100, 1_000) };
        let expected = Level { held, ..Level::default() };
        assert_eq!(level(&on, &call, scope).await, expected, "{scope}");
    }

    on.keep([settled(&run, 0, Some(30))]).await;
    assert_eq!(on.open_reservations().await.unwrap(), 0);
    let spent = Level { spent: amount(14, 30), ..Level::default() };
    assert_eq!(level(&on, &call, Scope::Owner).await, spent);
    let of_yesterday = Reservation { day: UtcDay(DAY.0 - 1), ..call.clone() };
    assert_eq!(level(&on, &of_yesterday, Scope::OwnerDay).await, Level::default());
    // Whatever comes again charges nothing.
    on.keep([settled(&run, 0, Some(500)), ended(&run)]).await;
    assert_eq!(level(&on, &call, Scope::Owner).await, spent);

    // An answer that does not say what it cost is charged at the rate of the reservation.
    let next = reservation(&run, 1);
    on.keep([reserved(&next), settled(&run, 1, None)]).await;
    assert_eq!(level(&on, &call, Scope::Agent).await.spent, amount(28, 50));
}

pub(super) async fn no_ceiling_is_ever_exceeded(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let call = |index| below(reservation(&run, index), 2_500);
    on.keep([reserved(&call(0)), intended(&step(&run, 0))]).await;
    on.keep([reserved(&call(1)), intended(&step(&run, 1))]).await;
    let refused = on.try_keep([intended(&step(&run, 2)), reserved(&call(2))]).await;
    let exceeded = Exceeded {
        scope: Scope::Owner,
        unit: Unit::CostMicros,
        ceiling: 2_500,
        spent: 0,
        held: 2_000,
        wanted: 1_000,
    };
    assert_eq!(refused, Err(StoreError::Exceeded(exceeded)));
    assert!(!exceeded.is_final(), "what is reserved may come free");
    assert_eq!(on.steps(vec![run.id]).await.unwrap().len(), 2, "the whole batch is refused");

    on.keep([settled(&run, 0, Some(100))]).await;
    on.keep([reserved(&call(2)), intended(&step(&run, 2))]).await;
    on.keep([settled(&run, 1, Some(900)), settled(&run, 2, Some(1_000))]).await;
    // To the last millionth, and not beyond.
    let rest = |cost_micros| Reservation { cost_micros, ..call(3) };
    let Err(StoreError::Exceeded(exceeded)) = on.try_keep([reserved(&rest(501))]).await else {
        panic!("there is room");
    };
    assert!(exceeded.is_final());
    on.keep([reserved(&rest(500))]).await;

    // Tokens have ceilings of their own.
    let tokens = Ceiling { tokens: Some(99), cost_micros: None };
    let ceilings = Ceilings { run: tokens, ..Ceilings::default() };
    let long = Reservation { ceilings, ..reservation(&run, 4) };
    let Err(StoreError::Exceeded(exceeded)) = on.try_keep([reserved(&long)]).await else {
        panic!("there is room");
    };
    assert_eq!((exceeded.scope, exceeded.unit, exceeded.wanted), (Scope::Run, Unit::Tokens, 100));
}

pub(super) async fn the_ceiling_that_is_in_the_way_longest_is_told(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let ceilings = Ceilings {
        run: money(500),
        agent_day: money(500),
        owner_day: money(500),
        ..Ceilings::default()
    };
    let call = Reservation { ceilings, ..reservation(&run, 0) };
    let Err(StoreError::Exceeded(exceeded)) = on.try_keep([reserved(&call)]).await else {
        panic!("there is room");
    };
    assert_eq!(exceeded.scope, Scope::OwnerDay);
    // What waiting does not help against comes before what it might.
    let held = reservation(&run, 1);
    on.keep([reserved(&held)]).await;
    let ceilings = Ceilings { run: money(500), owner: money(1_500), ..Ceilings::default() };
    let call = Reservation { ceilings, ..reservation(&run, 2) };
    let Err(StoreError::Exceeded(exceeded)) = on.try_keep([reserved(&call)]).await else {
        panic!("there is room");
    };
    assert_eq!((exceeded.scope, exceeded.is_final()), (Scope::Run, true));
}

pub(super) async fn facts_of_one_batch_leave_room_for_one_another(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let call = |index| below(reservation(&run, index), 1_500);
    on.keep([reserved(&call(0))]).await;
    assert!(on.try_keep([reserved(&call(1))]).await.is_err());
    on.keep([settled(&run, 0, Some(10)), reserved(&call(1))]).await;
    let refused = on.try_keep([settled(&run, 1, Some(600)), reserved(&call(2))]).await;
    assert!(refused.is_err());
    let stands = level(&on, &call(0), Scope::Owner).await;
    assert_eq!((stands.spent, stands.held), (amount(14, 10), amount(100, 1_000)));
    let two = [settled(&run, 1, Some(10)), reserved(&call(2)), reserved(&call(3))];
    assert!(on.try_keep(two).await.is_err(), "each of the batch counts for the next");
}

pub(super) async fn what_nobody_knows_is_charged_in_full(on: Subject) {
    let on = on.with_agents().await;
    let (cut, open) = (begin(&on, ADA, 1).await, begin(&on, BOB, 2).await);
    let calls = [reservation(&cut, 0), reservation(&cut, 1), reservation(&open, 0)];
    for call in &calls {
        on.keep([reserved(call)]).await;
    }
    on.keep([settled(&cut, 0, Some(1))]).await;
    on.keep([ended(&cut)]).await;
    on.keep([ended(&cut)]).await;
    assert_eq!(level(&on, &calls[1], Scope::Agent).await.spent, amount(114, 1_001));
    assert_eq!(level(&on, &calls[1], Scope::Agent).await.held, Amount::default());
    assert_eq!(on.open_reservations().await.unwrap(), 1);

    for at in [100, 200] {
        on.boot(UnixMillis(at)).await.unwrap();
        assert_eq!(on.open_reservations().await.unwrap(), 0);
        let owner = level(&on, &calls[2], Scope::OwnerDay).await;
        assert_eq!((owner.spent, owner.held), (amount(214, 2_001), Amount::default()));
    }
    let rows = on.usage(UsageQuery { limit: 9, ..UsageQuery::default() }).await.unwrap();
    let presumed: Vec<_> = rows
        .iter()
        .map(|row| (row.agent_id, row.model.as_str(), row.calls, row.presumed_calls))
        .collect();
    assert_eq!(presumed.len(), 3);
    for expected in [(ADA, "asked", 1, 1), (ADA, "tiny", 1, 0), (BOB, "asked", 1, 1)] {
        assert!(presumed.contains(&expected), "{presumed:?}");
    }
}

pub(super) async fn an_end_that_comes_late_charges_nothing(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let call = reservation(&run, 0);
    on.keep([reserved(&call), intended(&step(&run, 0))]).await;
    let boot = on.boot(UnixMillis(100)).await.unwrap();
    let on = Subject { epoch: boot.epoch, ..on };
    on.keep([settled(&run, 0, Some(7)), ended(&run)]).await;
    assert_eq!(level(&on, &call, Scope::Owner).await.spent, call.amount());
}

pub(super) async fn a_mark_is_told_once_for_each_scope_and_day(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let ceilings =
        Ceilings { owner: money(10_000), agent_day: money(1_000), ..Ceilings::default() };
    let call = |index, day| Reservation {
        cost_micros: 10,
        ceilings,
        day: UtcDay(day),
        ..reservation(&run, index)
    };
    let mut marks = Vec::new();
    for (index, (day, cost)) in
        [(1, 799), (1, 1), (1, 100), (2, 700), (2, 200), (2, 6_300), (3, 900)]
            .into_iter()
            .enumerate()
    {
        let index = u32::try_from(index).unwrap();
        on.keep([reserved(&call(index, day))]).await;
        let committed = on.keep([settled(&run, index, Some(cost))]).await;
        for event in committed.events {
            assert_eq!((event.kind, event.agent_id), (EventKind::BudgetMarked, ADA));
            marks.push((index, event.data["scope"].clone(), event.data["spent"].clone()));
        }
    }
    let expected = [
        (1, json!("agent_day"), json!(800)),
        (4, json!("agent_day"), json!(900)),
        (5, json!("owner"), json!(8_100)),
        (6, json!("agent_day"), json!(900)),
    ];
    assert_eq!(marks, expected);
    let events = on.events(ADA, 0, 99).await.unwrap();
    assert_eq!(events.len(), expected.len());
    assert_eq!(events.last().unwrap().seq, 4, "they are numbered as all others");
}

pub(super) async fn an_owner_pays_for_agents_that_are_gone(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let (done, open) = (reservation(&run, 0), reservation(&run, 1));
    on.keep([reserved(&done), settled(&run, 0, Some(5)), reserved(&open)]).await;
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: false }]).await;
    assert_eq!(on.open_reservations().await.unwrap(), 0);
    assert_eq!(level(&on, &open, Scope::Owner).await.spent, amount(114, 1_005));
    assert_eq!(level(&on, &open, Scope::Agent).await, Level::default());
    let rows = on.usage(UsageQuery { limit: 9, ..UsageQuery::default() }).await.unwrap();
    assert_eq!(rows.len(), 2, "it is somebody's bill");
}

pub(super) async fn usage_is_kept_by_agent_model_and_day(on: Subject) {
    let on = on.with_agents().await;
    let (ada, bob) = (begin(&on, ADA, 1).await, begin(&on, BOB, 2).await);
    for (run, index, day) in [(&ada, 0, 1), (&ada, 1, 1), (&ada, 2, 2), (&bob, 0, 2), (&bob, 1, 3)]
    {
        let owner = if run.agent_id == ADA { "Eve" } else { "Zoe" }.to_owned();
        let call = Reservation { owner, day: UtcDay(day), ..reservation(run, index) };
        on.keep([reserved(&call), settled(run, index, Some(3))]).await;
    }
    let find = async |query: UsageQuery| {
        let rows = on.usage(UsageQuery { limit: 9, ..query }).await.unwrap();
        rows.iter().map(|row| (row.day.0, row.agent_id, row.calls)).collect::<Vec<_>>()
    };
    let all = UsageQuery::default;
    let (ada, bob) = (ADA, BOB);
    let both = find(all()).await;
    assert_eq!(both.first(), Some(&(3, bob, 1)));
    assert_eq!(both.last(), Some(&(1, ada, 2)));
    assert_eq!(both.len(), 4);
    assert_eq!(find(UsageQuery { agent_id: Some(ada), ..all() }).await, [(2, ada, 1), (1, ada, 2)]);
    assert_eq!(
        find(UsageQuery { owner: Some("Zoe".into()), ..all() }).await,
        [(3, bob, 1), (2, bob, 1)]
    );
    let second = UsageQuery { from: Some(UtcDay(2)), to: Some(UtcDay(2)), ..all() };
    assert_eq!(find(second).await.len(), 2);
    let rows = on.usage(UsageQuery { offset: 3, limit: 1, ..all() }).await.unwrap();
    let expected = DayUsage {
        agent_id: ADA,
        owner: "Eve".into(),
        model: "tiny".into(),
        day: UtcDay(1),
        calls: 2,
        presumed_calls: 0,
        input_tokens: 20,
        output_tokens: 8,
        cost_micros: 6,
    };
    assert_eq!(rows, [expected]);
}

pub(super) async fn old_usage_goes_and_what_was_spent_in_all_stays(on: Subject) {
    let on = on.with_agents().await;
    let run = begin(&on, ADA, 1).await;
    let call = |index, day| Reservation { day: UtcDay(day), ..reservation(&run, index) };
    for (index, day) in [(0, 1), (1, 5), (2, 6)] {
        on.keep([reserved(&call(index, day)), settled(&run, index, Some(3))]).await;
    }
    let two_days = Some(Duration::from_secs(2 * 24 * 60 * 60));
    let retention = Retention { usage_for: two_days, ..Retention::default() };
    let pruned = on.prune(retention, UtcDay(7).begins()).await.unwrap();
    assert_eq!(pruned, Pruned { usage: 1, ..Pruned::default() });
    assert_eq!(level(&on, &call(0, 1), Scope::AgentDay).await, Level::default());
    assert_eq!(level(&on, &call(0, 5), Scope::AgentDay).await.spent, amount(14, 3));
    assert_eq!(level(&on, &call(0, 1), Scope::Owner).await.spent, amount(42, 9));
}

pub(super) async fn writers_at_once_stay_below_a_ceiling(on: Subject) {
    let on = on.with_agents().await;
    let runs = join_all((1..=20).map(|number| begin(&on, ADA, number))).await;
    let calls = runs.iter().map(|run| async {
        let (call, mut made) = (|index| below(reservation(run, index), 7_500), 0);
        for index in 0..5 {
            if on.try_keep([reserved(&call(index))]).await.is_ok() {
                on.keep([settled(run, index, Some(600))]).await;
                made += 1;
            }
        }
        made
    });
    let made: u64 = join_all(calls).await.into_iter().sum();
    let stands = level(&on, &reservation(&runs[0], 0), Scope::Owner).await;
    assert_eq!(stands.held, Amount::default());
    assert_eq!(stands.spent.cost_micros, made * 600);
    assert!(stands.spent.cost_micros <= 7_500 && made > 0, "{made}");
}
