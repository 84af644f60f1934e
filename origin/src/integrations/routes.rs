//! The API of integrations: every path, once, with the scope that it needs.

use farcast_api::{Method, Table};

use Method::{Get, Post};

use crate::tokens::Scope;

/// The endpoints of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endpoint {
    Send,
    SendAsUser,
    System,
    SystemToClient,
    Action,
    Backlog,
    Clients,
    SetVisible,
    StreamTitle,
    Status,
    User,
}

use Endpoint as E;

pub(super) const ROUTES: Table<Endpoint> = Table(&[
    (Post, "/api/integrations/chat/send", E::Send),
    (Post, "/api/integrations/chat/user", E::SendAsUser),
    (Post, "/api/integrations/chat/system", E::System),
    (Post, "/api/integrations/chat/system/client/{clientId}", E::SystemToClient),
    (Post, "/api/integrations/chat/action", E::Action),
    (Get, "/api/integrations/chat", E::Backlog),
    (Get, "/api/integrations/clients", E::Clients),
    (Post, "/api/integrations/chat/messagevisibility", E::SetVisible),
    (Post, "/api/integrations/chat/updatemessagevisibility", E::SetVisible),
    (Post, "/api/integrations/streamtitle", E::StreamTitle),
    (Get, "/api/integrations/status", E::Status),
    (Get, "/api/integrations/moderation/chat/user/{userId}", E::User),
]);

/// Paths and methods, to be compared with the contract.
pub fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    ROUTES.0.iter().map(|&(method, path, _)| (method, path))
}

impl Endpoint {
    pub(super) fn scope(self) -> Scope {
        match self {
            E::Send | E::SendAsUser => Scope::CanSendMessages,
            E::System | E::SystemToClient | E::Action => Scope::CanSendSystemMessages,
            E::Backlog | E::Clients | E::SetVisible | E::StreamTitle | E::Status | E::User => {
                Scope::HasAdminAccess
            }
        }
    }
}
