//! A store for results whose behaviour a test can choose: it answers, closes the connection, or
//! hangs. It is written without an HTTP library, because a library would hide whether a body was
//! complete.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How the store handles a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Reads the whole body and answers, perhaps with an additional header.
    Status(u16, &'static str),
    /// The same with this text.
    Text(u16, &'static str, &'static str),
    /// Takes the request, and answers with 200, only after this time.
    Late(Duration),
    /// Answers without reading the body.
    Early(u16),
    /// Closes the connection after this number of bytes of the body.
    CloseAfter(usize),
    /// Reads this number of bytes of the body, and then hangs.
    HangAfter(usize),
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    /// The received part of the body, without the framing of chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body was complete.
    pub(crate) whole: bool,
}

#[derive(Clone)]
pub(crate) struct Store {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    puts: Vec<Put>,
    begun: usize,
    /// Whether bodies are dropped.
    forgets: bool,
}

impl Store {
    /// Starts a store that gives these answers in turn, and then always 200.
    pub(crate) async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { answers: answers.to_vec().into(), ..State::default() };
        let store =
            Self { address: listener.local_addr().unwrap(), state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&store.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while serve(&mut stream, &state).await.is_some() {}
                });
            }
        });
        store
    }

    /// Gives this answer to the next request that has no other.
    pub(crate) fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answers.push_back(answer);
    }

    /// Drops the bodies that arrive from now on.
    pub(crate) fn forget_bodies(&self) {
        self.state.lock().unwrap().forgets = true;
    }

    /// The port on 127.0.0.1 on which it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// A signed URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/bucket/1?X-Signature=5ec3e7", self.address)
    }

    /// The URL of the store itself.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The methods of the requests whose body has ended.
    pub(crate) fn methods(&self) -> String {
        let method = |put: &Put| put.line.split(' ').next().unwrap_or_default().to_owned();
        self.puts().iter().map(method).collect::<Vec<_>>().join(" ")
    }

    /// The requests whose body has ended, complete or not.
    pub(crate) fn puts(&self) -> Vec<Put> {
        self.state.lock().unwrap().puts.clone()
    }

    /// The number of requests whose headers were received.
    pub(crate) fn begun(&self) -> usize {
        self.state.lock().unwrap().begun
    }

    /// The only request with a complete body.
    #[track_caller]
    pub(crate) fn the_put(&self) -> Put {
        let mut puts = self.puts();
        puts.retain(|put| put.whole);
        assert_eq!(puts.len(), 1, "{puts:?}");
        puts.remove(0)
    }
}

async fn serve(stream: &mut BufReader<TcpStream>, state: &Mutex<State>) -> Option<()> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let answer = {
        let mut state = state.lock().unwrap();
        state.begun += 1;
        state.answers.pop_front().unwrap_or(Answer::Status(200, ""))
    };
    let limit = match answer {
        Answer::Status(..) | Answer::Text(..) | Answer::Late(_) => usize::MAX,
        Answer::Early(_) => 0,
        Answer::CloseAfter(bytes) | Answer::HangAfter(bytes) => bytes,
    };
    let mut body = Vec::new();
    let whole = read_body(stream, &headers, limit, &mut body).await;
    if let Answer::Late(time) = answer {
        tokio::time::sleep(time).await;
    }
    {
        let mut state = state.lock().unwrap();
        let body = if state.forgets { Vec::new() } else { body };
        state.puts.push(Put { line: line.trim_end().to_owned(), headers, body, whole });
    }
    // As in S3, the body of an error quotes the request.
    const QUOTED: &str = "<Error>X-Signature=5ec3e7</Error>";
    let (status, header, text) = match answer {
        Answer::Status(status, header) => (status, header, QUOTED),
        Answer::Text(status, header, text) => (status, header, text),
        Answer::Late(_) => (200, "", ""),
        Answer::Early(status) => (status, "connection: close", QUOTED),
        Answer::CloseAfter(_) => return None,
        Answer::HangAfter(_) => std::future::pending().await,
    };
    let break_after = if header.is_empty() { "" } else { "\r\n" };
    let length = text.len();
    let response = format!(
        "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n{header}{break_after}\r\n{text}"
    );
    stream.write_all(response.as_bytes()).await.ok()?;
    (!matches!(answer, Answer::Early(_))).then_some(())
}

/// Whether the body came to its end within the limit.
async fn read_body(
    stream: &mut BufReader<TcpStream>,
    headers: &HashMap<String, String>,
    limit: usize,
    body: &mut Vec<u8>,
) -> bool {
    if let Some(length) = headers.get("content-length") {
        let length: usize = length.parse().unwrap();
        let wanted = length.min(limit);
        let read = stream.take(wanted as u64).read_to_end(body).await;
        return read.is_ok() && body.len() == length;
    }
    if !headers.contains_key("transfer-encoding") {
        return true;
    }
    loop {
        let mut size = String::new();
        if body.len() >= limit || stream.read_line(&mut size).await.unwrap_or(0) == 0 {
            return false;
        }
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { return false };
        let mut chunk = vec![0; size + 2];
        if stream.read_exact(&mut chunk).await.is_err() {
            return false;
        }
        if size == 0 {
            return true;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
