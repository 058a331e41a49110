//! The whole fleet at once, for administrators.

mod accounts;
mod acting;
mod schedules;
mod views;

pub(super) use accounts::payment;

use super::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.configure(views::routes)
        .configure(acting::routes)
        .configure(schedules::routes)
        .configure(accounts::routes);
}
