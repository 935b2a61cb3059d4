//! Who says what, and what it means here. Facts: ITU-T Q.850, RFC 3398 and RFC 3261, the words of FreeSWITCH's
//! `switch_call_cause_t`, and DIALSTATUS as Asterisk documents it for Dial().

use super::{Row, Table};
use crate::call::Cause::{self, Busy, Cancel, Congestion, Forwarded, NoAnswer, NormalClearing, NotFound};

const fn row(words: &'static [&'static str], meaning: &'static str, cause: Cause) -> Row {
    Row { words, meaning, cause: Some(cause) }
}

/// Tells nothing: the call's other facts decide.
const fn nothing(words: &'static [&'static str], meaning: &'static str) -> Row {
    Row { words, meaning, cause: None }
}

/// What Dial() leaves in the variable DIALSTATUS. VoipNow and Telphin use most of these words, too.
pub const DIALSTATUS: Table = Table {
    name: "dialstatus",
    rows: &[
        row(&["ANSWER"], "was answered", NormalClearing),
        row(&["BUSY"], "busy", Busy),
        row(&["NOANSWER"], "rang until the timer ended it", NoAnswer),
        row(&["CANCEL"], "the caller gave up", Cancel),
        row(&["CHANUNAVAIL"], "the callee is not registered, or the trunk refused", NotFound),
        row(&["CONGESTION"], "the network or the trunk failed", Congestion),
        row(&["DONTCALL", "TORTURE"], "the callee had the caller sent away", NoAnswer),
        row(&["INVALIDARGS"], "the dialplan called Dial() wrongly", Congestion),
    ],
};

/// Numbers of Q.850, as in Asterisk's HANGUPCAUSE, with FreeSWITCH's word and Asterisk's text where they differ.
pub const Q850: Table = Table {
    name: "q850",
    rows: &[
        nothing(&["0", "NONE", "UNSPECIFIED"], "not told"),
        row(&["1", "UNALLOCATED_NUMBER", "UNALLOCATED"], "no such number", NotFound),
        row(&["2", "NO_ROUTE_TRANSIT_NET"], "no route to the network", NotFound),
        row(&["3", "NO_ROUTE_DESTINATION", "No route to destination"], "no route to the number", NotFound),
        row(&["5", "MISDIALLED_TRUNK_PREFIX"], "wrong prefix", NotFound),
        row(&["6", "CHANNEL_UNACCEPTABLE"], "channel unacceptable", Congestion),
        row(&["7", "CALL_AWARDED_DELIVERED"], "delivered in a channel that is there", NormalClearing),
        row(&["8", "45", "PRE_EMPTED"], "pre-empted", Congestion),
        row(&["14", "NUMBER_PORTED_NOT_HERE"], "the number has moved to another network", NotFound),
        row(&["16", "NORMAL_CLEARING"], "somebody hung up", NormalClearing),
        row(&["17", "USER_BUSY"], "busy", Busy),
        row(&["18", "NO_USER_RESPONSE", "No user responding"], "the telephone did not respond", NoAnswer),
        row(&["19", "NO_ANSWER", "User alerting, no answer"], "rang, nobody answered", NoAnswer),
        row(&["20", "SUBSCRIBER_ABSENT"], "not logged in, or without coverage", NotFound),
        row(&["21", "CALL_REJECTED"], "declined", NoAnswer),
        row(&["22", "NUMBER_CHANGED"], "the number has changed", NotFound),
        row(
            &["23", "REDIRECTION_TO_NEW_DESTINATION", "REDIRECTED_TO_NEW_DESTINATION"],
            "sent to another number",
            Forwarded,
        ),
        row(&["25", "EXCHANGE_ROUTING_ERROR"], "routing error", Congestion),
        row(&["26", "ANSWERED_ELSEWHERE"], "somebody else took it", Cancel),
        row(&["27", "DESTINATION_OUT_OF_ORDER"], "the line is out of order", Congestion),
        row(&["28", "INVALID_NUMBER_FORMAT"], "not a whole number", NotFound),
        row(&["29", "FACILITY_REJECTED"], "facility rejected", Congestion),
        row(&["30", "RESPONSE_TO_STATUS_ENQUIRY"], "answer to a status enquiry", NormalClearing),
        row(&["31", "NORMAL_UNSPECIFIED"], "normal, unspecified", NormalClearing),
        row(
            &["34", "NORMAL_CIRCUIT_CONGESTION", "Circuit/channel congestion"],
            "no free channel",
            Congestion,
        ),
        row(&["38", "NETWORK_OUT_OF_ORDER"], "the network is out of order", Congestion),
        row(&["41", "NORMAL_TEMPORARY_FAILURE", "Temporary failure"], "temporary failure", Congestion),
        row(
            &["42", "SWITCH_CONGESTION", "Switching equipment congestion"],
            "the exchange is overloaded",
            Congestion,
        ),
        row(&["43", "ACCESS_INFO_DISCARDED"], "access information discarded", Congestion),
        row(&["44", "REQUESTED_CHAN_UNAVAIL"], "that channel is not available", Congestion),
        row(&["47", "RESOURCE_UNAVAILABLE"], "no resources", Congestion),
        row(&["50", "FACILITY_NOT_SUBSCRIBED"], "facility not subscribed", Congestion),
        row(&["52", "OUTGOING_CALL_BARRED"], "outgoing calls are barred", Congestion),
        row(&["54", "INCOMING_CALL_BARRED"], "incoming calls are barred", Congestion),
        row(&["55", "57", "BEARERCAPABILITY_NOTAUTH"], "this kind of call is not allowed", Congestion),
        row(&["58", "BEARERCAPABILITY_NOTAVAIL"], "this kind of call is not available now", Congestion),
        row(&["63", "SERVICE_UNAVAILABLE"], "service unavailable", Congestion),
        row(&["65", "BEARERCAPABILITY_NOTIMPL"], "this kind of call is not implemented", Congestion),
        row(&["66", "CHAN_NOT_IMPLEMENTED"], "channel type not implemented", Congestion),
        row(&["69", "FACILITY_NOT_IMPLEMENTED"], "facility not implemented", Congestion),
        row(&["79", "SERVICE_NOT_IMPLEMENTED"], "service not implemented", Congestion),
        row(&["81", "INVALID_CALL_REFERENCE"], "invalid call reference", Congestion),
        row(&["88", "INCOMPATIBLE_DESTINATION"], "no common codec", Congestion),
        row(&["95", "INVALID_MSG_UNSPECIFIED"], "invalid message", Congestion),
        row(&["96", "MANDATORY_IE_MISSING"], "a part of the message is missing", Congestion),
        row(&["97", "MESSAGE_TYPE_NONEXIST"], "unknown message", Congestion),
        row(&["98", "WRONG_MESSAGE"], "message out of place", Congestion),
        row(&["99", "IE_NONEXIST"], "unknown part of a message", Congestion),
        row(&["100", "INVALID_IE_CONTENTS"], "wrong part of a message", Congestion),
        row(&["101", "WRONG_CALL_STATE"], "message out of place", Congestion),
        row(&["102", "RECOVERY_ON_TIMER_EXPIRE"], "no answer until a timer ended it", NoAnswer),
        row(&["103", "MANDATORY_IE_LENGTH_ERROR"], "a part of the message has a wrong length", Congestion),
        row(&["111", "PROTOCOL_ERROR"], "protocol error", Congestion),
        nothing(&["127", "INTERWORKING"], "the other network does not tell"),
    ],
};

/// FreeSWITCH's own words. Their numbers are not read: they clash with those of SIP.
pub const FREESWITCH: Table = Table {
    name: "freeswitch",
    rows: &[
        row(&["SUCCESS"], "went well", NormalClearing),
        row(&["ORIGINATOR_CANCEL"], "the caller gave up", Cancel),
        row(&["LOSE_RACE", "PICKED_OFF"], "somebody else took it", Cancel),
        row(&["ALLOTTED_TIMEOUT", "NO_PICKUP"], "rang, nobody answered in time", NoAnswer),
        row(&["PROGRESS_TIMEOUT"], "did not ring in time", NoAnswer),
        row(&["DECLINE", "UNWANTED"], "declined", NoAnswer),
        row(&["BUSY_EVERYWHERE"], "busy", Busy),
        row(&["USER_NOT_REGISTERED"], "the telephone is not registered", NotFound),
        row(&["DOES_NOT_EXIST_ANYWHERE"], "no such number", NotFound),
        row(&["BLIND_TRANSFER", "ATTENDED_TRANSFER"], "transferred", Forwarded),
        row(&["MANAGER_REQUEST"], "ended by a command", NormalClearing),
        row(&["BOWOUT"], "FreeSWITCH took itself out of the call", NormalClearing),
        row(&["GATEWAY_DOWN", "INVALID_GATEWAY", "INVALID_PROFILE", "INVALID_URL"], "no trunk", Congestion),
        row(&["USER_CHALLENGE", "NO_IDENTITY"], "the trunk wants other credentials", Congestion),
        row(&["MEDIA_TIMEOUT", "SRTP_READ_ERROR", "NOT_ACCEPTABLE"], "no sound came through", Congestion),
        row(&["CRASH", "SYSTEM_SHUTDOWN"], "FreeSWITCH ended", Congestion),
    ],
};

/// Final answers to an INVITE. What is not here goes by its class.
pub const SIP: Table = Table {
    name: "sip",
    rows: &[
        row(&["2xx"], "was answered", NormalClearing),
        row(&["3xx"], "sent to another number", Forwarded),
        row(&["404", "410", "604"], "no such number", NotFound),
        row(&["484", "485"], "not a whole number, or several", NotFound),
        row(&["408"], "no answer until a timer ended it", NoAnswer),
        row(&["480"], "not available: rang out, absent, do not disturb", NoAnswer),
        row(&["603", "607", "608"], "declined", NoAnswer),
        row(&["486", "600"], "busy", Busy),
        row(&["487"], "the caller gave up", Cancel),
        row(&["4xx", "5xx", "6xx"], "refused, or out of order", Congestion),
    ],
};
