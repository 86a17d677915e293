//! What each address is for. An address that is not here is not served.

use super::Action;

/// One address, and what asking it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// As the router knows it.
    pub(crate) path: &'static str,
    pub(crate) action: Action,
    pub(crate) target: Target,
}

/// What an address is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing that belongs to somebody, or what belongs to who asks.
    Oneself,
    /// The document whose id is the `{id}` of the path.
    Document,
}

const fn rule(method: &'static str, path: &'static str, action: Action) -> Rule {
    Rule { method, path, action, target: Target::Oneself }
}

const fn on_document(method: &'static str, path: &'static str, action: Action) -> Rule {
    Rule { method, path, action, target: Target::Document }
}

/// Every address that there is.
pub(crate) const RULES: &[Rule] = &[
    rule("GET", "/", Action::Connect),
    rule("GET", "/automerge", Action::Connect),
    rule("GET", "/demo", Action::SeeServer),
    rule("GET", "/demo/", Action::SeeServer),
    rule("GET", "/demo/{*file}", Action::SeeServer),
    rule("GET", "/healthz", Action::SeeServer),
    rule("GET", "/readyz", Action::SeeServer),
    rule("GET", "/metrics", Action::SeeOperations),
    rule("GET", "/v1/openapi.json", Action::SeeServer),
    rule("GET", "/.well-known/jwks.json", Action::SeeServer),
    rule("POST", "/v1/accounts", Action::SignUp),
    rule("POST", "/v1/sessions", Action::SignIn),
    rule("POST", "/v1/sessions/refresh", Action::SignIn),
    rule("DELETE", "/v1/sessions/current", Action::ManageOneself),
    rule("GET", "/v1/account", Action::ManageOneself),
    rule("PATCH", "/v1/account", Action::ManageOneself),
    rule("DELETE", "/v1/account", Action::ManageOneself),
    rule("GET", "/v1/account/export", Action::ManageOneself),
    rule("PUT", "/v1/account/password", Action::ManageOneself),
    rule("GET", "/v1/devices", Action::ManageOneself),
    rule("DELETE", "/v1/devices/{id}", Action::ManageOneself),
    rule("POST", "/v1/tickets", Action::ManageOneself),
    rule("GET", "/v1/keys", Action::ManageOneself),
    rule("POST", "/v1/keys", Action::ManageOneself),
    rule("DELETE", "/v1/keys/{id}", Action::ManageOneself),
    rule("POST", "/v1/invitations/redeem", Action::RedeemInvitation),
    rule("GET", "/v1/accounts", Action::Operate),
    rule("GET", "/v1/accounts/{account}", Action::Operate),
    rule("DELETE", "/v1/accounts/{account}", Action::Operate),
    rule("GET", "/v1/accounts/{account}/devices", Action::Operate),
    rule("DELETE", "/v1/accounts/{account}/devices/{device}", Action::Operate),
    rule("POST", "/v1/accounts/{account}/sign-out", Action::Operate),
    rule("PUT", "/v1/accounts/{account}/password", Action::Operate),
    rule("GET", "/v1/accounts/{account}/keys", Action::Operate),
    rule("POST", "/v1/accounts/{account}/keys", Action::Operate),
    rule("DELETE", "/v1/accounts/{account}/keys/{id}", Action::Operate),
    rule("POST", "/v1/service-accounts", Action::Operate),
    rule("GET", "/v1/audit", Action::Operate),
    rule("GET", "/v1/audit/verify", Action::Operate),
    rule("GET", "/v1/conflicts/stats", Action::Operate),
    rule("GET", "/v1/kinds", Action::SeeKinds),
    rule("GET", "/v1/kinds/{name}", Action::SeeKinds),
    rule("GET", "/v1/conflicts", Action::SeeConflicts),
    rule("GET", "/v1/conflicts/{id}", Action::SeeConflicts),
    rule("POST", "/v1/conflicts/{id}/resolution", Action::SeeConflicts),
    rule("GET", "/v1/events", Action::SeeConflicts),
    rule("GET", "/v1/documents", Action::ListDocuments),
    rule("POST", "/v1/documents", Action::CreateDocument),
    on_document("GET", "/v1/documents/{id}", Action::ReadDocument),
    on_document("DELETE", "/v1/documents/{id}", Action::DeleteDocument),
    on_document("GET", "/v1/documents/{id}/history", Action::ReadDocument),
    on_document("POST", "/v1/documents/{id}/import", Action::WriteDocument),
    on_document("GET", "/v1/documents/{id}/grants", Action::ReadDocument),
    on_document("PUT", "/v1/documents/{id}/grants/{account}", Action::ShareDocument),
    on_document("DELETE", "/v1/documents/{id}/grants/{account}", Action::ShareDocument),
    on_document("DELETE", "/v1/documents/{id}/grants/own", Action::LeaveDocument),
    on_document("GET", "/v1/documents/{id}/invitations", Action::ShareDocument),
    on_document("POST", "/v1/documents/{id}/invitations", Action::ShareDocument),
    on_document("DELETE", "/v1/documents/{id}/invitations/{invitation}", Action::ShareDocument),
];

/// The rule of an address; browsers and probes that ask with `HEAD` ask what `GET` answers.
pub(crate) fn rule_of(method: &str, path: &str) -> Option<&'static Rule> {
    let method = if method == "HEAD" { "GET" } else { method };
    RULES.iter().find(|rule| rule.method == method && rule.path == path)
}

/// Whether there is anything at this address, by whatever method.
pub(crate) fn knows(path: &str) -> bool {
    RULES.iter().any(|rule| rule.path == path)
}
