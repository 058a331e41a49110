//! What the elizaOS listener serves.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::{self, Data};
use actix_web::{App, Error};

use crate::host::Host;
use crate::http::operator;
use crate::telemetry;

/// The routes of the listener, for one of its threads.
pub(super) fn elizaos(
    host: &Data<Host>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(host.clone())
        .service(web::scope("/api/greenroom").configure(operator::routes))
        .route("/metrics", web::get().to(telemetry::metrics_page))
}
