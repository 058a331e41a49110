//! What every implementation of the [`Store`] port has to keep, as a suite to run in its tests.
//!
//! ```
//! # use std::sync::Arc;
//! # use greenroom_actors::{conformance, memory_store::MemoryStore};
//! # futures::executor::block_on(async {
//! conformance::check(|| Arc::new(MemoryStore::new())).await;
//! # });
//! ```
//!
//! The cases ask only for what the port says. Where it leaves something open (the place of rows of
//! one time in a list that is oldest first, for example) they leave it open too.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests, in a library only so that every store can run them"
)]

mod agents;
mod approvals;
mod boots;
mod budgets;
mod channel_events;
mod channels;
mod documents;
mod events;
mod goals;
mod imports;
mod kit;
mod letters;
mod lines;
mod logs;
mod memories;
mod messages;
mod people;
mod places;
mod removal;
mod retention;
mod runs;
mod search;
mod sessions;
mod snapshot;
mod triggers;
mod writes;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::ports::Store;

use self::kit::Subject;

/// One promise of the port.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is promised.
    pub name: &'static str,
    check: fn(Arc<dyn Store>) -> BoxFuture<'static, ()>,
}

impl Case {
    /// Checks that `store`, which must be empty, keeps this promise.
    ///
    /// # Panics
    /// If it does not.
    pub async fn check(&self, store: Arc<dyn Store>) {
        (self.check)(store).await;
    }
}

/// Checks every promise, each on a new and empty store that `make` makes.
///
/// # Panics
/// If one is not kept, after all were checked; the message names those that are not.
pub async fn check(make: impl Fn() -> Arc<dyn Store>) {
    let mut broken = Vec::new();
    for case in CASES {
        if AssertUnwindSafe(case.check(make())).catch_unwind().await.is_err() {
            broken.push(case.name);
        }
    }
    assert!(broken.is_empty(), "{} of {} are not kept: {broken:#?}", broken.len(), CASES.len());
}

macro_rules! cases {
    ($($module:ident { $($case:ident,)* })*) => {
        /// Every promise.
        pub const CASES: &[Case] = &[$($(Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            check: |store| async { $module::$case(Subject::boot(store).await).await }.boxed(),
        },)*)*];
    };
}

cases! {
    writes {
        a_new_store_is_empty,
        a_batch_of_nothing_is_committed,
        facts_are_applied_in_order,
        a_failed_batch_changes_nothing,
        what_was_begun_is_not_begun_again,
        a_write_is_carried_out_though_its_future_is_dropped,
        writers_at_once_lose_nothing,
        the_fleet_is_halted_until_it_is_let_go,
    }
    boots {
        each_boot_is_higher_and_fences_the_one_before,
        a_boot_interrupts_the_runs_that_are_open,
        a_boot_keeps_everything_else,
    }
    agents {
        an_agent_is_kept_as_it_was_created,
        an_id_is_given_once,
        handles_are_unique_and_numbered,
        a_revised_handle_is_numbered_too,
        a_claimed_handle_is_given_to_the_letter_or_not_at_all,
        what_the_directory_needs_comes_in_pages_by_id,
        revising_replaces_the_character_alone,
        a_lifecycle_is_kept_in_full,
        what_needs_an_agent_fails_without_one,
        seeds_come_in_pages_by_id,
        a_seed_says_what_an_actor_needs,
        agents_are_listed_running_first_then_by_name,
        agents_are_counted_by_state,
    }
    lines {
        the_newest_lines_are_kept_in_order,
        lines_go_with_their_agent_and_need_one,
        the_last_work_of_each_agent_comes_by_id,
        triggers_are_counted_by_agent,
    }
    removal {
        with_an_agent_goes_everything_of_its_own,
        memories_stay_where_they_are_to_be_kept,
        removing_nobody_affects_nothing,
        an_agent_made_anew_begins_anew,
        with_an_agent_goes_its_part_in_what_is_shared,
    }
    snapshot {
        a_snapshot_holds_everything_in_order,
        an_agent_with_nothing_is_all_there_is,
        what_is_named_and_not_there_is_told_once,
        a_snapshot_shows_one_moment,
        an_agent_has_a_size,
    }
    imports {
        who_comes_in_is_seen_once_whole,
        an_id_comes_in_once,
        a_failed_end_leaves_it_on_its_way,
        an_abandoned_import_is_removed_bit_by_bit,
        a_boot_leaves_what_is_open_to_be_removed,
    }
    events {
        each_agent_has_its_own_sequence_from_one,
        a_failed_batch_leaves_no_gap,
        events_are_read_from_a_number_on,
        every_kind_of_event_is_kept,
    }
    runs {
        a_run_is_kept_in_full,
        the_first_outcome_of_a_run_stands,
        what_a_run_left_without_an_outcome_nobody_knows,
        every_way_to_end_is_kept,
        only_a_run_of_that_agent_ends,
        runs_are_listed_newest_first_and_filtered,
        open_runs_are_found_whosever_they_are,
        a_step_has_an_intent_and_then_an_outcome,
        steps_come_by_run_as_asked_then_by_index,
    }
    budgets {
        what_a_call_may_cost_is_held_until_it_ends,
        no_ceiling_is_ever_exceeded,
        the_ceiling_that_is_in_the_way_longest_is_told,
        facts_of_one_batch_leave_room_for_one_another,
        what_nobody_knows_is_charged_in_full,
        an_end_that_comes_late_charges_nothing,
        a_mark_is_told_once_for_each_scope_and_day,
        an_owner_pays_for_agents_that_are_gone,
        usage_is_kept_by_agent_model_and_day,
        old_usage_goes_and_what_was_spent_in_all_stays,
        writers_at_once_stay_below_a_ceiling,
    }
    goals {
        goals_are_set_changed_and_removed,
        a_seed_says_whether_a_goal_is_open,
        goals_that_are_over_go_with_the_runs_of_their_time,
    }
    letters {
        a_letter_is_kept_in_full,
        a_letter_waits_until_it_is_settled,
        the_first_settlement_stands,
        letters_wait_oldest_first,
        letters_of_one_instant_wait_in_the_order_of_their_ids,
        dead_letters_are_listed_newest_first,
        a_dead_letter_waits_again,
        letters_beside_the_conversation_wait_apart,
        letters_are_listed_newest_first_with_their_latest_run,
        work_is_counted_for_each_agent,
    }
    triggers {
        a_trigger_is_kept_in_full,
        what_a_trigger_has_counted_outlives_a_change,
        triggers_are_listed_oldest_first_and_removed,
        those_that_can_fire_are_due,
        late_ones_are_told_from_the_others,
        a_slot_is_taken_once,
        a_trigger_without_a_slot_to_come_ends,
        a_firing_is_kept_in_full,
        a_firing_is_open_until_it_is_settled,
        a_trigger_counts_its_runs_and_ends_after_enough,
        firings_are_listed_latest_first_in_pages,
    }
    approvals {
        an_approval_is_kept_in_full_and_decided_once,
        approvals_are_listed_oldest_first_and_filtered,
        a_parked_run_outlives_a_boot_and_goes_on,
        a_run_may_go_on_when_nothing_it_asked_for_waits,
        a_letter_is_set_aside_and_waits_again,
        approvals_go_with_their_run_and_their_agent,
    }
    memories {
        a_memory_is_kept_in_full,
        a_memory_is_replaced_as_a_whole,
        two_agents_may_have_memories_of_one_id,
        memories_are_listed_newest_first_and_filtered,
        memories_come_in_pages,
        one_memory_is_forgotten,
        many_memories_are_forgotten,
        an_embedding_belongs_to_its_memory,
        an_embedding_outlives_all_but_a_new_text,
        what_lacks_an_embedding_comes_oldest_first,
    }
    search {
        words_are_found_in_whatever_case,
        more_shared_words_come_first,
        search_stays_within_agent_kind_and_room,
        no_text_is_a_query_language,
        texts_of_every_script_are_found,
        what_changed_or_went_is_found_no_more,
        meaning_is_compared_within_one_embedder,
        words_and_meaning_are_put_together,
    }
    places {
        a_room_is_kept_in_full,
        a_met_room_is_not_replaced,
        an_agent_has_the_rooms_it_takes_part_in,
        rooms_of_a_world_are_those_of_one_agent_or_all,
        participants_come_and_go,
        with_a_room_go_its_participants_and_memories,
        worlds_are_set_met_and_removed,
    }
    people {
        entities_are_set_met_and_removed,
        with_an_entity_go_its_components_and_relationships,
        components_are_listed_by_entity,
        relationships_are_set_and_removed,
        tasks_are_set_and_removed,
    }
    documents {
        documents_are_set_replaced_and_removed,
        documents_of_a_shelf_are_listed_by_the_beginning_of_their_keys,
    }
    logs {
        an_entry_is_kept_in_full_and_removed,
        entries_are_listed_newest_first_and_filtered,
        some_kinds_are_excluded,
        errors_are_told_by_their_body,
        bodies_are_searched_as_text,
    }
    retention {
        without_bounds_nothing_is_removed,
        events_go_by_age_but_never_the_newest,
        events_go_by_number_and_the_sequence_goes_on,
        ended_runs_go_with_their_steps,
        old_log_entries_go,
        settled_letters_go,
        firings_that_are_over_go,
        events_of_channels_go_by_number_and_the_sequence_goes_on,
        ended_jobs_go,
    }
    channels {
        a_server_is_set_met_and_removed,
        agents_take_part_in_servers,
        a_channel_is_set_and_met,
        channels_come_in_pages_oldest_first,
        a_channel_is_found_by_its_source,
        people_take_part_in_channels,
        two_have_the_oldest_channel_that_is_theirs_alone,
        with_a_channel_goes_all_but_its_events,
        with_a_server_go_its_channels,
        what_needs_a_server_or_a_channel_fails_without_one,
    }
    messages {
        a_message_is_kept_in_full,
        a_message_is_replaced_as_a_whole,
        messages_are_listed_newest_first_and_filtered,
        messages_are_removed_one_by_one_or_all,
        messages_are_found_by_all_of_the_words,
        what_is_on_its_way_is_left_to_the_next_boot_until_it_is_reached,
        no_text_is_a_query_language_in_channels,
        messages_of_every_script_are_found,
    }
    channel_events {
        each_channel_has_its_own_sequence_from_one,
        a_failed_batch_leaves_no_gap_in_a_channel,
        events_of_a_channel_are_read_from_a_number_on,
        every_kind_of_event_of_a_channel_is_kept,
    }
    sessions {
        a_session_is_set_and_removed,
        sessions_come_in_pages_oldest_first,
        sessions_that_ended_come_longest_past_first,
        a_job_is_set_and_removed,
        the_first_end_of_a_job_stands,
        jobs_are_listed_newest_first_by_status,
        jobs_are_counted_by_status,
    }
}
