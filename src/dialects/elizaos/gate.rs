//! The gate: everything that happens to a request before and after its handler, in one middleware.
//!
//! One, because each middleware of its own costs a future on the heap and a pass over the headers,
//! and a request here is about as cheap as five of those.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::{Error, HttpResponse};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tracing::Instrument;

use super::error::ElizaError;
use super::pages;
use super::pass::Pass;
use super::refusal;
use super::shared::Shared;
use crate::http::idempotency::Idempotency;

/// The middleware.
pub(super) struct Gate(pub(super) Arc<Shared>);

/// The middleware around one service.
pub(super) struct Gated<S> {
    service: Rc<S>,
    shared: Arc<Shared>,
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = Ready<Result<Gated<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated { service: Rc::new(service), shared: Arc::clone(&self.0) }))
    }
}

impl<S, B> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (service, shared) = (Rc::clone(&self.service), Arc::clone(&self.shared));
        let mut pass = Pass::of(&shared, &request);
        let span = tracing::debug_span!(
            "request", id = pass.id, method = %request.method(), path = request.path()
        );
        let passing = async move {
            if request.method() == Method::OPTIONS {
                let preflight = HttpResponse::NoContent().finish();
                return Ok(request.into_response(pass.preflight(&shared, preflight)));
            }
            if let Err(error) = pass.admit(&shared, &request) {
                let refused = pass.refuse(&shared, &error);
                return Ok(request.into_response(refused));
            }
            pass.visit.fold(&mut request);
            pages::mark(&pass.visit, &request);
            let Some(_place) = shared.in_flight.enter(pass.visit.lane) else {
                let refused = pass.refuse(&shared, &ElizaError::from(&refusal::BUSY));
                return Ok(request.into_response(refused));
            };
            let is_keyed = pass.visit.takes_keys && Idempotency::concerns(&request);
            let deadline = shared.settings.deadline(pass.visit.lane);
            let wording = pass.wording();
            let idempotency = shared.host.idempotency.clone();
            let handled = AssertUnwindSafe(async move {
                if is_keyed {
                    return idempotency.serve(service, request, wording).await;
                }
                Ok(service.call(request).await?.map_into_boxed_body())
            });
            // The request went with the handler, so what cuts it off is told as an error.
            let answer = match tokio::time::timeout(deadline, handled.catch_unwind()).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_panic)) => return Err(pass.cut_off(&shared, &ElizaError::Panicked)),
                Err(_late) => {
                    return Err(pass.cut_off(&shared, &ElizaError::from(&refusal::TOO_SLOW)));
                }
            };
            Ok(pass.finish(&shared, answer))
        };
        Box::pin(passing.instrument(span))
    }
}
