//! How routes are mounted: on a thread of a server, or into the description of the API.

use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use utoipa::openapi::{Components, OpenApi};
use utoipa_actix_web::OpenApiFactory;

/// Where routes go. Threads that serve them describe nothing: all types that are asked for and answered,
/// written out, take tens of megabytes, for each thread once more.
pub(super) enum Mount<'a> {
    /// They are served.
    Serving(&'a mut ServiceConfig),
    /// They are described.
    Describing(&'a mut OpenApi),
}

impl Mount<'_> {
    /// One route.
    pub(super) fn service<F>(&mut self, route: F) -> &mut Self
    where
        F: HttpServiceFactory + OpenApiFactory + 'static,
    {
        match self {
            Self::Serving(config) => {
                config.service(route);
            }
            Self::Describing(api) => {
                api.paths.merge(route.paths());
                let mut schemas = Vec::new();
                route.schemas(&mut schemas);
                api.components.get_or_insert_with(Components::new).schemas.extend(schemas);
            }
        }
        self
    }

    /// Those of one resource.
    pub(super) fn configure(&mut self, routes: impl FnOnce(&mut Mount<'_>)) -> &mut Self {
        routes(self);
        self
    }

    /// Routes that the description leaves out.
    pub(super) fn undescribed(&mut self, routes: impl FnOnce(&mut ServiceConfig)) -> &mut Self {
        if let Self::Serving(config) = self {
            routes(config);
        }
        self
    }
}
