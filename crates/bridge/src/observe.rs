//! The HTTP endpoints of a worker: `/metrics` for Prometheus, `/health` and `/live` for the orchestrator.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// A worker that operators observe.
pub trait Observed: Send + Sync {
    /// Counts and times of the jobs.
    fn metrics(&self) -> &Metrics;

    /// Why this worker can't work, if so. That may be for lack of something else, such as Kafka.
    fn complaint(&self) -> Option<&'static str>;

    /// Why this worker has to be restarted, if so. Whatever a restart does not bring back is not a reason: it would only end
    /// the jobs that go on without it.
    fn hangs(&self) -> Option<&'static str> {
        None
    }
}

/// Answers requests until the future is dropped.
///
/// # Errors
/// The listener fails.
pub async fn serve<W: Observed + 'static>(
    worker: Arc<W>,
    listener: TcpListener,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(metrics::<W>))
        .route("/health", get(health::<W>))
        .route("/live", get(live::<W>))
        .with_state(worker);
    axum::serve(listener, routes).await
}

async fn metrics<W: Observed>(State(worker): State<Arc<W>>) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match worker.metrics().text() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text)),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn health<W: Observed>(State(worker): State<Arc<W>>) -> impl IntoResponse {
    answer(worker.complaint())
}

async fn live<W: Observed>(State(worker): State<Arc<W>>) -> impl IntoResponse {
    answer(worker.hangs())
}

fn answer(complaint: Option<&'static str>) -> (StatusCode, String) {
    match complaint {
        None => (StatusCode::OK, "OK\n".to_owned()),
        Some(complaint) => (StatusCode::SERVICE_UNAVAILABLE, format!("{complaint}\n")),
    }
}
