//! The bare handler: what actix-web does with the same body and nothing around it.

use std::net::SocketAddr;

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Result;
use serde_json::Value;

/// Serves the JSON in `file` at every path, until the process is ended.
pub(crate) fn serve(address: SocketAddr, file: &str) -> Result<()> {
    let body: Data<Value> = Data::new(serde_json::from_str(&std::fs::read_to_string(file)?)?);
    let workers = std::thread::available_parallelism()?.get();
    let app = move || App::new().app_data(body.clone()).default_service(web::to(answer));
    let server = HttpServer::new(app).workers(workers).bind(address)?;
    actix_web::rt::System::new().block_on(server.run())?;
    Ok(())
}

async fn answer(body: Data<Value>) -> HttpResponse {
    HttpResponse::Ok().json(&**body)
}
