//! Fake Qservs: their REST interface, and one with any number of queries, each of which runs for a given time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Starts a server with the handlers that submit a query, give its status, cancel it, and delete its result. Returns its
/// URL.
pub(crate) async fn serve<S: Clone + Send + Sync + 'static>(
    state: S,
    [submit, status, cancel, forget]: [MethodRouter<S>; 4],
) -> String {
    let app = Router::new()
        .route("/query-async", submit)
        .route("/query-async/status/{id}", status)
        .route("/query-async/{id}", cancel)
        .route("/query-async/result/{id}", forget)
        .with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

/// The queries. The text of a query is the number of milliseconds for which it runs, perhaps with the name of its job
/// after a space.
#[derive(Clone, Default)]
pub(crate) struct ManyQueries(Arc<Mutex<HashMap<u64, Running>>>);

struct Running {
    job: Option<String>,
    ends: Instant,
    is_cancelled: bool,
    /// The query of the same job that ran when this one was submitted.
    beside: Option<u64>,
}

impl Running {
    fn runs(&self) -> bool {
        !self.is_cancelled && Instant::now() < self.ends
    }
}

impl ManyQueries {
    /// Starts a server, and returns its URL.
    pub(crate) async fn start() -> (Self, String) {
        let fake = Self::default();
        let handlers = [post(submit), get(status), delete(cancel), delete(forget)];
        let url = serve(fake.clone(), handlers).await;
        (fake, url)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Running>> {
        self.0.lock().unwrap()
    }

    /// Number of queries that were submitted.
    pub(crate) fn submitted(&self) -> usize {
        self.all().len()
    }

    /// Number of queries that were cancelled.
    pub(crate) fn cancelled(&self) -> usize {
        self.all().values().filter(|query| query.is_cancelled).count()
    }

    /// Number of queries that run.
    pub(crate) fn running(&self) -> usize {
        self.all().values().filter(|query| query.runs()).count()
    }

    /// The job of a query.
    pub(crate) fn job(&self, id: u64) -> Option<String> {
        self.all().get(&id)?.job.clone()
    }

    /// The queries that were submitted while another one of their job was running, and that other one.
    pub(crate) fn submitted_twice(&self) -> Vec<(u64, u64)> {
        self.all().iter().filter_map(|(id, query)| Some((*id, query.beside?))).collect()
    }

    /// Forgets all queries, as a Qserv that was set up anew.
    pub(crate) fn lose_all(&self) {
        self.all().values_mut().for_each(|query| query.is_cancelled = true);
    }
}

async fn submit(State(fake): State<ManyQueries>, Json(body): Json<Value>) -> Json<Value> {
    let text = body["query"].as_str().unwrap();
    let (time, job) = match text.split_once(' ') {
        Some((time, job)) => (time, Some(job.to_owned())),
        None => (text, None),
    };
    let ends = Instant::now() + Duration::from_millis(time.parse().unwrap());
    let mut all = fake.all();
    let of_job = all.iter().filter(|(_, other)| job.is_some() && other.job == job);
    let beside = of_job.filter(|(_, other)| other.runs()).map(|(id, _)| *id).max();
    let id = 1000 + all.len() as u64;
    all.insert(id, Running { job, ends, is_cancelled: false, beside });
    Json(json!({"success": 1, "queryId": id}))
}

async fn status(State(fake): State<ManyQueries>, Path(id): Path<u64>) -> Json<Value> {
    let all = fake.all();
    let Some(query) = all.get(&id).filter(|query| !query.is_cancelled) else {
        let error = format!("failed to obtain info for queryId={id}, ex: Unknown user query");
        return Json(json!({"success": 0, "error": error}));
    };
    let ended = query.ends <= Instant::now();
    Json(json!({"success": 1, "status": {
        "status": if ended { "COMPLETED" } else { "EXECUTING" },
        "totalChunks": 1, "completedChunks": u64::from(ended), "queryBeginEpoch": 1_754_607_182,
    }}))
}

async fn cancel(State(fake): State<ManyQueries>, Path(id): Path<u64>) -> Json<Value> {
    if let Some(query) = fake.all().get_mut(&id) {
        query.is_cancelled = true;
    }
    Json(json!({"success": 1}))
}

async fn forget(Path(_): Path<u64>) -> Json<Value> {
    Json(json!({"success": 1}))
}
