//! The whole fleet at once, for administrators.

mod accounts;
mod acting;
mod schedules;
mod views;

pub(super) use accounts::payment;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.configure(views::routes)
        .configure(acting::routes)
        .configure(schedules::routes)
        .configure(accounts::routes);
}
