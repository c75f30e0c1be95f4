use redispatch_testkit::moto::MotoServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn publish(server: &MotoServer, form: &str) -> String {
    let mut stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).await.unwrap();
    let form = format!("Action=Publish&{form}");
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                authorization: AWS4-HMAC-SHA256 Credential=me/20250101/us-east-1/sns/aws4_request\r\n\
                content-type: application/x-www-form-urlencoded\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{form}", form.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_is_published_can_be_seen() {
    let server = MotoServer::start().await;
    let arn = server.create_topic("news").await;
    assert!(arn.starts_with("arn:aws:sns:us-east-1:"), "{arn}");
    let to_number = publish(&server, "PhoneNumber=%2B491701234567&Message=Gr%C3%BC%C3%9Fe").await;
    assert!(to_number.contains("<MessageId>"), "{to_number}");
    let to_topic = publish(&server, &format!("TopicArn={arn}&Message=x")).await;
    assert!(to_topic.contains("<MessageId>"), "{to_topic}");
    let refused = publish(&server, "PhoneNumber=0170&Message=x").await;
    assert!(refused.contains("<Code>InvalidParameter</Code>"), "{refused}");
    let published = server.published(3).await;
    assert_eq!((&*published[0]["PhoneNumber"], &*published[0]["Message"]), ("+491701234567", "Grüße"));
    assert_eq!((published.len(), &published[1]["TopicArn"]), (3, &arn));
}
