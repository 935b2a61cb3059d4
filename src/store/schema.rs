//! The tables, once for both databases. Written by hand; a test compares it with the migrations of each.
#![allow(missing_docs, reason = "the columns are described where they are used")]

diesel::table! {
    settings (name) { name -> Text, value -> Text, }
}
diesel::table! {
    feed (id) { id -> Integer, change -> BigInt, }
}
diesel::table! {
    pbxes (id) {
        id -> BigInt,
        name -> Text,
        dialect -> Text,
        region -> Text,
        options -> Text,
        allowed_addresses -> Text,
        enabled -> Bool,
        token_hash -> Binary,
        old_token_hash -> Nullable<Binary>,
        old_token_until -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
diesel::table! {
    keys (id) {
        id -> BigInt,
        name -> Text,
        role -> Text,
        key_hash -> Binary,
        pbx_ids -> Nullable<Text>,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    block_rules (id) {
        id -> BigInt,
        pattern -> Text,
        action -> Text,
        reason -> Text,
        pbx_id -> Nullable<BigInt>,
        called -> Nullable<Text>,
        expires_at -> Nullable<Timestamp>,
        note -> Nullable<Text>,
        hits -> BigInt,
        last_hit_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}
diesel::table! {
    caller_id_rules (id) {
        id -> BigInt,
        position -> Integer,
        destination -> Text,
        caller_id -> Text,
        caller -> Nullable<Text>,
        pbx_id -> Nullable<BigInt>,
        note -> Nullable<Text>,
        hits -> BigInt,
        last_hit_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}
diesel::table! {
    contacts (id) {
        id -> BigInt,
        name -> Text,
        company -> Nullable<Text>,
        note -> Nullable<Text>,
        sort_key -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
diesel::table! {
    contact_numbers (id) {
        id -> BigInt,
        contact_id -> BigInt,
        number -> Text,
        number_key -> Text,
    }
}
diesel::table! {
    calls (id) {
        id -> BigInt,
        pbx_id -> BigInt,
        call_id -> Text,
        leg_id -> Text,
        incarnation -> Integer,
        direction -> Nullable<Text>,
        from_number -> Nullable<Text>,
        from_key -> Nullable<Text>,
        dialed_from -> Nullable<Text>,
        to_number -> Nullable<Text>,
        to_key -> Nullable<Text>,
        users -> Text,
        answered_by -> Nullable<Text>,
        answering_number -> Nullable<Text>,
        queue -> Nullable<Text>,
        state -> Text,
        outcome -> Nullable<Text>,
        cause -> Nullable<Text>,
        raw_cause -> Nullable<Text>,
        decision -> Nullable<Text>,
        started_at -> Timestamp,
        answered_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        internal -> Bool,
        done -> Bool,
        done_by -> Nullable<Text>,
        done_at -> Nullable<Timestamp>,
        open -> Bool,
        note -> Nullable<Text>,
        extra -> Nullable<Text>,
        change -> BigInt,
    }
}
diesel::table! {
    live_calls (id) { id -> BigInt, }
}
diesel::table! {
    journal (change) {
        change -> BigInt,
        pbx_id -> BigInt,
        call -> Nullable<BigInt>,
        received_at -> Timestamp,
        kind -> Nullable<Text>,
        result -> Text,
        why -> Nullable<Text>,
        address -> Nullable<Text>,
        content_type -> Nullable<Text>,
        query -> Nullable<Text>,
        body -> Nullable<Text>,
        status -> Nullable<Integer>,
        answer -> Nullable<Text>,
    }
}
diesel::table! {
    webhooks (id) {
        id -> BigInt,
        url -> Text,
        method -> Text,
        events -> Text,
        extension -> Nullable<Text>,
        pbx_id -> Nullable<BigInt>,
        payload -> Text,
        filters -> Text,
        enabled -> Bool,
        notes -> Nullable<Text>,
        secret -> Text,
        created_by -> Nullable<BigInt>,
        disabled_why -> Nullable<Text>,
        failures -> Integer,
        failing_since -> Nullable<Timestamp>,
        resume_at -> Nullable<Timestamp>,
        succeeded_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
diesel::table! {
    deliveries (id) {
        id -> BigInt,
        webhook_id -> BigInt,
        call -> BigInt,
        change -> BigInt,
        kind -> Text,
        snapshot -> Text,
        state -> Text,
        attempts -> Integer,
        due_at -> Timestamp,
        created_at -> Timestamp,
        first_tried_at -> Nullable<Timestamp>,
        done_at -> Nullable<Timestamp>,
        status -> Nullable<Integer>,
        took_ms -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}
diesel::table! {
    sessions (id) {
        id -> BigInt,
        key_id -> BigInt,
        token_hash -> Binary,
        device -> Text,
        address -> Text,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
        expires_at -> Timestamp,
    }
}
diesel::table! {
    sign_in_links (id) { id -> BigInt, key_id -> BigInt, token_hash -> Binary, expires_at -> Timestamp, }
}
diesel::table! {
    audit_log (id) {
        id -> BigInt,
        at -> Timestamp,
        who -> Text,
        action -> Text,
        detail -> Text,
        affected -> BigInt,
    }
}

diesel::table! {
    agents (pbx_id, agent) {
        pbx_id -> BigInt,
        agent -> Text,
        extension -> Nullable<Text>,
        kind -> Text,
        status -> Text,
        since -> Timestamp,
    }
}
diesel::table! {
    stories (pbx_id, story, call) { pbx_id -> BigInt, story -> Text, call -> BigInt, }
}

diesel::joinable!(contact_numbers -> contacts (contact_id));
diesel::allow_tables_to_appear_in_same_query!(contacts, contact_numbers, calls, live_calls, journal);
diesel::allow_tables_to_appear_in_same_query!(webhooks, deliveries);
diesel::allow_tables_to_appear_in_same_query!(calls, deliveries);
