-- Asks Hookswitch about a call and tells it how the call ends. For FreeSWITCH's scripts folder; docs/pbx/freeswitch.md says
-- what to write into the dialplan, and what of it was run. Arguments: "in" or "out" when a call comes; "answer" and
-- "hangup" are set here for later.

local URL = "http://127.0.0.1:8080/api/v1/cti/TOKEN" -- the PBX URL that Hookswitch printed
local LIMITS = "connect-timeout 1 timeout 1" -- seconds; then the call goes on

-- JSON without blanks and without "%": mod_curl splits its arguments at blanks, and decodes what looks like a URL.
local function json(fields)
    local parts = {}
    for name, value in pairs(fields) do
        parts[#parts + 1] = string.format('"%s":"%s"', name, (value or ""):gsub('[%s%%"\\]', ""))
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local function post(fields)
    local command = URL .. " content-type application/json " .. LIMITS .. " post " .. json(fields)
    return freeswitch.API():execute("curl", command) or ""
end

-- What all events of a call say. Kept with the call: in the hangup hook other variables are gone.
local function call(event)
    return {
        event = event,
        direction = session:getVariable("hookswitch_direction"),
        callId = session:getVariable("uuid"),
        from = session:getVariable("hookswitch_from"),
        to = session:getVariable("hookswitch_to"),
    }
end

local event = argv[1]
if event == "answer" then
    post(call("answer"))
elseif event == "hangup" then
    local fields = call("hangup")
    -- why the other side could not be reached; else why this side ended
    fields.cause = session:getVariable("hookswitch_cause")
        or session:getVariable("originate_failed_cause")
        or session:getVariable("hangup_cause")
    post(fields)
else
    session:setVariable("hookswitch_direction", event)
    session:setVariable("hookswitch_from", session:getVariable("caller_id_number"))
    session:setVariable("hookswitch_to", session:getVariable("destination_number"))
    session:setVariable("session_in_hangup_hook", "true")
    session:setVariable("api_hangup_hook", "lua hookswitch.lua hangup")
    session:setVariable("execute_on_answer", "lua hookswitch.lua answer")
    local answer = post(call("newCall"))
    local action = answer:match('"action":"(%a+)"')
    if action == "reject" then
        local cause = answer:match('"reason":"rejected"') and "CALL_REJECTED" or "USER_BUSY"
        session:setVariable("hookswitch_cause", cause)
        session:hangup(cause)
    elseif action == "dial" then
        session:setVariable("effective_caller_id_number", answer:match('"callerId":"([^"]*)"'))
    end
end
