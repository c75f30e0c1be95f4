//! whatsapp-worker and a server that plays Twilio: what goes over the wire, and what is refused before it does.

use redispatch_testkit::twilio::{Answer, Rule};
use serde_json::json;

use crate::queue::{Left, NOTHING};
use crate::run::{output, told};
use crate::site::{ACCOUNT, Channel as _, FROM, TOKEN, Twilio, WhatsApp, stop};

type Site = crate::site::Site<Twilio<WhatsApp>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_whatsapp-worker");
const TEMPLATE: &str = "HX00112233445566778899aabbccddeeff";

/// The forms posted for these messages.
async fn posted(site: &Site, messages: &[String]) -> Vec<Vec<(String, String)>> {
    let mut forms = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        site.queue().push(std::slice::from_ref(message)).await;
        let request = site.channel.server.requests(n + 1).await.pop().unwrap();
        assert_eq!(request.login, Some((ACCOUNT.to_owned(), TOKEN.to_owned())));
        forms.push(request.form);
    }
    assert_eq!(site.queue().settled().await, 0, "{:?}", site.queue().dead_letters().await);
    forms
}

fn fields(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn bodies_media_and_senders_with_the_prefix_on_both_sides() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let body = "Grüße 😀 a=b&c+d%20e";
    let messages = [
        json!({"to": "+491701234567", "body": body}),
        json!({"to": "whatsapp:+491701234567", "from": "+14155550100", "media_urls": ["https://a.example/1.png?x=1&y"]}),
        json!({"to": "+491701234567", "from": "whatsapp:+14155550100", "body": "x", "media_urls": ["https://a.example/"]}),
    ];
    let forms = posted(&site, &messages.map(|message| message.to_string())).await;
    let (to, own) = (("To", "whatsapp:+491701234567"), ("From", "whatsapp:+14155550100"));
    let default = format!("whatsapp:{FROM}");
    assert_eq!(forms[0], fields(&[to, ("From", &default), ("Body", body)]));
    assert_eq!(forms[1], fields(&[to, own, ("MediaUrl", "https://a.example/1.png?x=1&y")]));
    assert_eq!(forms[2], fields(&[to, own, ("Body", "x"), ("MediaUrl", "https://a.example/")]));
    stop(&worker).await;
    assert_eq!(site.queue().left().await, NOTHING);
}

/// Keys in their order and numbers with their digits, byte for byte, on the second attempt too.
#[tokio::test]
async fn a_template_and_its_variables_as_they_were_written() {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(Answer::error(500, 20500)).times(1));
    let worker = site.worker(&[]).await;
    let variables = r#"{"2":"ü 😀 \u00e9","1":1.50e+01,"10":12345678901234567890,"name":"x&y=z"}"#;
    let message =
        format!(r#"{{"to":"+491701234567","content_sid":"{TEMPLATE}","content_variables":{variables}}}"#);
    site.queue().push(&[message]).await;
    let requests = site.channel.server.requests(2).await;
    let default = format!("whatsapp:{FROM}");
    let expected = fields(&[
        ("To", "whatsapp:+491701234567"),
        ("From", &default),
        ("ContentSid", TEMPLATE),
        ("ContentVariables", variables),
    ]);
    assert_eq!((&requests[0].form, &requests[1].form), (&expected, &expected));
    site.queue().settled().await;
    stop(&worker).await;
    assert_eq!((site.queue().left().await, site.queue().counter("sent").await), (NOTHING, 1));
}

#[tokio::test]
async fn bad_input_is_kept_with_a_reason_to_act_on() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let to = "+491701234567";
    let cases = [
        (json!({"body": "1"}), "malformed", "`to` is missing"),
        (json!({"two": to, "body": "2"}), "malformed", "`to` is missing (there is a `two`)"),
        (json!({"to": "whatsapp:", "body": "3"}), "malformed", "`to` is empty"),
        (json!({"to": "whatsapp:0170 1234567", "body": "4"}), "reject", "without spaces"),
        (
            json!({"to": to, "body": "5", "content_sid": TEMPLATE}),
            "malformed",
            "`body` and `content_sid` exclude each other",
        ),
        (json!({"to": to, "content_sid": "HX123", "x": 6}), "malformed", "is no SID of a template"),
        (
            json!({"to": to, "content_sid": TEMPLATE, "content_variables": "7"}),
            "malformed",
            "content_variables: write an object",
        ),
        (
            json!({"to": to, "body": "8", "content_variables": {"1": "x"}}),
            "malformed",
            "`content_variables` need a `content_sid`",
        ),
        (json!({"to": to, "x": 9}), "malformed", "`body` is missing"),
        (json!({"to": to, "message": "12"}), "malformed", "`body` is missing (there is a `message`)"),
        (json!({"to": to, "body": "ü".repeat(1601), "x": 10}), "malformed", "`body` has 1601 characters"),
        (json!({"to": to, "body": "11", "from": "ACME"}), "reject", "from: \"ACME\" is no phone number"),
    ];
    site.queue().gives_up(&cases).await;
    stop(&worker).await;
    assert_eq!((site.channel.attempts(), site.queue().counter("retried").await), (0, 0));
}

/// The codes that WhatsApp's users meet.
#[tokio::test]
async fn refused_for_good() {
    for code in [63003, 63016, 63024, 21656] {
        let site = Site::start().await;
        site.channel.server.script(Rule::answer(Answer::error(400, code)));
        let worker = site.worker(&[]).await;
        site.push([0]).await;
        worker.wait_for_event("message_dead_lettered").await;
        assert_eq!(site.queue().settled().await, 1);
        let record = site.queue().dead_letters().await.remove(0)["_delivery"].take();
        assert_eq!((&record["reason"], &record["code"]), (&"reject".into(), &code.to_string().into()));
        assert_eq!(record["provider"], "twilio");
        stop(&worker).await;
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_end_with_78() {
    let out = output(
        PROGRAM,
        &[],
        &[("WHATSAPP_API_URL", "https://api.whatsapp.com"), ("WHATSAPP_AUTH_TOKEN", "secret-word")],
    )
    .await;
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!((out.status.code(), &*out.stdout), (Some(78), &b""[..]), "{said}");
    assert!(said.starts_with("error: 3 settings cannot be used"), "{said}");
    assert!(said.contains("\n  WHATSAPP_API_URL: is not Twilio's: it would hand your Twilio credentials to another company's host"));
    for name in ["WHATSAPP_ACCOUNT_SID", "WHATSAPP_FROM_NUMBER"] {
        assert!(said.contains(&format!("\n  {name}: is needed")), "{name}: {said}");
    }
    assert!(!said.contains("secret-word"), "{said}");
    let help = String::from_utf8(output(PROGRAM, &["--help"], &[]).await.stdout).unwrap();
    let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(help.contains("WHATSAPP_AUTH_TOKEN_FILE") && widest.chars().count() <= 80, "{widest}");
}

#[tokio::test]
async fn check_and_dry_run() {
    let site = Site::start().await;
    let template = json!({"to": "+491701234567", "content_sid": TEMPLATE, "content_variables": {"1": "Jo"}});
    for message in [json!({"to": "whatsapp:+491701234567", "body": "Hi"}), template] {
        site.queue().push(&[message.to_string()]).await;
    }
    let (code, said, _) = told(&site, &["--dry-run"], &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let expected = format!(
        "1 pending\n  from        {FROM}\n  to          +4917••••••67\n  body        \"Hi\"\n2 pending\n  from        {FROM}\n  \
         to          +4917••••••67\n  template    {TEMPLATE}\n  variables   \"{{\\\"1\\\":\\\"Jo\\\"}}\"\n"
    );
    assert_eq!(said, expected);
    assert_eq!(site.channel.attempts(), 0);

    let (code, said, _) = told(&site, &["--check"], &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\nwhatsapp  ok: twilio: logged in at "), "{said}");
    site.channel.server.require_login(ACCOUNT, "another");
    let (code, said, _) = told(&site, &["--check"], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("check WHATSAPP_ACCOUNT_SID and WHATSAPP_AUTH_TOKEN") && !said.contains(TOKEN),
        "{said}"
    );
    assert_eq!(site.queue().left().await, Left { waiting: 2, ..NOTHING });
}
