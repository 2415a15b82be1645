//! The server of the examples, asked by many at once.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[allow(unreachable_pub, dead_code, reason = "as an example it is a program of its own")]
#[path = "../examples/server.rs"]
mod server;

async fn ask(address: std::net::SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_request_has_a_guest_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, server::app().unwrap()).await.unwrap() });
    let questions: Vec<_> = (0..40_usize)
        .map(|n| {
            let text = format!("{}{}", "A".repeat(n), "a".repeat(40 - n));
            tokio::spawn(async move { (n, ask(address, &format!("/loudness?text={text}")).await) })
        })
        .collect();
    for question in questions {
        let (n, answer) = question.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{}\n", 100 * n / 40)), "{n}: {answer}");
    }
    assert!(ask(address, "/loudness").await.starts_with("HTTP/1.1 400"));
    assert!(ask(address, "/other").await.starts_with("HTTP/1.1 404"));
}
