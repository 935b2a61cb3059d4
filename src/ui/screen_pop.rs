//! The link from a call to another program, such as the CRM: `https://crm.example/?phone={{from.e164}}`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::call_view::CallView;

const PLACEHOLDERS: &[&str] = &[
    "id",
    "call_id",
    "direction",
    "queue",
    "from.number",
    "from.e164",
    "from.name",
    "to.number",
    "to.e164",
    "to.name",
];

/// A link with places for what is known of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenPop(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(&'static str),
}

impl ScreenPop {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(template: &str) -> Result<Self, String> {
        if !template.starts_with("https://") && !template.starts_with("http://") {
            return Err("must begin with https:// or http://".into());
        }
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("{{ has no }}")?;
            let known = PLACEHOLDERS.iter().find(|known| **known == name.trim());
            let known =
                known.ok_or_else(|| format!("{{{{{name}}}}}: say one of {}", PLACEHOLDERS.join(", ")))?;
            parts.extend([Part::Text(text.into()), Part::Placeholder(known)]);
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        Ok(Self(parts))
    }

    /// For that call. What is put in is escaped, so it cannot lead elsewhere.
    pub fn link(&self, call: &CallView) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(name) => utf8_percent_encode(&value(call, name), NON_ALPHANUMERIC).to_string(),
        };
        self.0.iter().map(part).collect()
    }
}

fn value(call: &CallView, name: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match name {
        "id" => call.id.to_string(),
        "call_id" => call.call_id.clone(),
        "direction" => call.direction.map(|word| word.to_string()).unwrap_or_default(),
        "queue" => text(&call.queue),
        "from.number" => text(&call.from.number),
        "from.e164" => text(&call.from.e164),
        "from.name" => text(&call.from.name),
        "to.number" => text(&call.to.number),
        "to.e164" => text(&call.to.e164),
        "to.name" => text(&call.to.name),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        for (template, wrong) in [
            ("javascript:alert(1)", "must begin with"),
            ("https://crm/?p={{from.e164", "has no }}"),
            ("https://crm/?p={{nope}}", "say one of id, call_id"),
        ] {
            let said = ScreenPop::read(template).expect_err(template);
            assert!(said.contains(wrong), "{template}: {said}");
        }
        let read = ScreenPop::read("https://crm/?p={{ from.e164 }}&x=1").expect("it is right");
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(read.0, [text("https://crm/?p="), Part::Placeholder("from.e164"), text("&x=1")]);
    }
}
