//! `--check`.

use super::*;

#[tokio::test]
async fn credentials_that_may_not_read_attributes_are_good_all_the_same() {
    let answer = "<GetSMSAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
                  <GetSMSAttributesResult><attributes/></GetSMSAttributesResult></GetSMSAttributesResponse>";
    let stub = Stub::start(Say::Answer(200, "", answer.to_owned())).await;
    let sns = sns(&stub.url());
    let said = sns.check().await.unwrap();
    assert_eq!(said, "credentials accepted in eu-central-1; nothing sent");
    stub.say(Say::Answer(403, "", error("AuthorizationError", "not authorized to perform")));
    assert!(sns.check().await.unwrap().contains("sns:GetSMSAttributes"));
    stub.say(Say::Answer(403, "", error("InvalidClientTokenId", "The token is invalid")));
    let failure = sns.check().await.unwrap_err();
    assert!(failure.error.starts_with("InvalidClientTokenId: The token is invalid"), "{failure:?}");
    let asked: Vec<_> = stub.requests().into_iter().map(|form| form[0].1.clone()).collect();
    assert_eq!(asked, ["GetSMSAttributes"; 3]);
}

#[tokio::test]
async fn nobody_there() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = sns(&format!("http://{closed}")).check().await.unwrap_err();
    assert!(failure.error.contains("Connection refused"), "{failure:?}");
    assert!(!failure.error.contains("credentials"), "{failure:?}");
}
