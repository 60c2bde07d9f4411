//! A store for results that does what it is told: answers, closes, hangs. Written by hand, so that
//! it sees what an HTTP library would hide: whether a body came to its end.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the store does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Takes all of the body and answers, with one more header perhaps.
    Status(u16, &'static str),
    /// Answers without taking the body.
    Early(u16),
    /// Closes the connection after so many bytes of the body.
    CloseAfter(usize),
    /// Takes so many bytes of the body and then nothing, for ever.
    HangAfter(usize),
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    /// What came of the body, without the framing of chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
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
}

impl Store {
    /// Answers in this order, and then always 200.
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

    /// A signed URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/bucket/1?X-Signature=5ec3e7", self.address)
    }

    /// The requests whose body has ended, one way or the other.
    pub(crate) fn puts(&self) -> Vec<Put> {
        self.state.lock().unwrap().puts.clone()
    }

    /// Requests whose headers came.
    pub(crate) fn begun(&self) -> usize {
        self.state.lock().unwrap().begun
    }

    /// The only one that was whole.
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
        Answer::Status(..) => usize::MAX,
        Answer::Early(_) => 0,
        Answer::CloseAfter(bytes) | Answer::HangAfter(bytes) => bytes,
    };
    let mut body = Vec::new();
    let whole = read_body(stream, &headers, limit, &mut body).await;
    let put = Put { line: line.trim_end().to_owned(), headers, body, whole };
    state.lock().unwrap().puts.push(put);
    let (status, header) = match answer {
        Answer::Status(status, header) => (status, header),
        Answer::Early(status) => (status, "connection: close"),
        Answer::CloseAfter(_) => return None,
        Answer::HangAfter(_) => std::future::pending().await,
    };
    let break_after = if header.is_empty() { "" } else { "\r\n" };
    // As S3 does, the body of an error quotes the request.
    let text = "<Error>X-Signature=5ec3e7</Error>";
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
