//! What a PBX may send, and what it hears.

use crate::harness::spawn;

#[actix_web::test]
async fn a_call_is_taken() {
    let app = spawn();
    let answer = app
        .post_form(&[
            ("event", "newCall"),
            ("from", "493055571600"),
            ("to", "491711234567890"),
            ("direction", "in"),
            ("callId", "1"),
        ])
        .await
        .is(200);
    assert_eq!(answer.body, "{}");
    app.admin.get_json("/api/v1/keys").await;
    app.agent.get("/api/v1/keys").await.is(403);
}
