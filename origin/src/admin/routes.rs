//! The routes of the origin's API: every path, once.

use farcast_api::events::EVENTS_PATH;
use farcast_api::login::LOGIN_PATH;
use farcast_api::{Method, Table};

use super::absent::{Absent as A, Nothing as N};
use super::chat::Moderation as M;
use super::edge::Asked as E;

use Method::{Act, Get, Post};

/// The handler of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endpoint {
    /// Begins a session.
    LogIn,
    /// Ends the one by which it comes.
    LogOut,
    /// Ends all.
    LogOutEverywhere,
    /// The state of the caller's session.
    Session,
    Status,
    /// The live overview, as a stream of events.
    Events,
    /// A backup, to keep elsewhere.
    Backup,
    ServerConfig,
    Disconnect,
    ResetDirectory,
    Logs,
    Warnings,
    ViewersOverTime,
    HardwareStats,
    Set(Setter),
    /// A preview of the page text, rendered.
    PreviewPage,
    Webhooks,
    CreateWebhook,
    DeleteWebhook,
    WebhookDeliveries,
    TestWebhook,
    Tokens,
    CreateToken,
    DeleteToken,
    Chat(M),
    /// Edges and the tokens with which they join.
    Edge(E),
    AddEmoji,
    RemoveEmoji,
    /// Player measurements.
    VideoMetrics,
    /// Playback quality for viewers.
    Playback,
    Prometheus,
    /// Sets what Farcast does not have.
    Absent(A),
    /// Shows what Farcast does not have.
    Nothing(N),
}

/// The setting that a path sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setter {
    StreamKey,
    StreamKeys,
    AdminPassword,
    Name,
    Summary,
    StreamTitle,
    PageContent,
    CustomStyles,
    Appearance,
    WelcomeMessage,
    OfflineMessage,
    Logo,
    Tags,
    Nsfw,
    SocialHandles,
    ExternalActions,
    HideViewerCount,
    ServerUrl,
    DirectoryEnabled,
    WebServerPort,
    WebServerIp,
    RtmpServerPort,
    FfmpegPath,
    LatencyLevel,
    Variants,
    Codec,
    Storage,
    ChatDisabled,
    ForbiddenUsernames,
    SuggestedUsernames,
    JoinMessages,
    EstablishedUsers,
    ChatRetention,
}

use Setter as S;

/// The path of a backup for download.
pub(super) const BACKUP_PATH: &str = "/api/admin/backup";

pub(super) const ROUTES: Table<Endpoint> = Table(&[
    (Post, LOGIN_PATH, Endpoint::LogIn),
    (Post, "/api/admin/logout", Endpoint::LogOut),
    (Post, "/api/admin/logout/everywhere", Endpoint::LogOutEverywhere),
    (Get, "/api/admin/session", Endpoint::Session),
    (Get, "/api/admin/status", Endpoint::Status),
    (Get, EVENTS_PATH, Endpoint::Events),
    (Post, BACKUP_PATH, Endpoint::Backup),
    (Get, "/api/admin/serverconfig", Endpoint::ServerConfig),
    (Act, "/api/admin/disconnect", Endpoint::Disconnect),
    (Act, "/api/admin/yp/reset", Endpoint::ResetDirectory),
    (Get, "/api/admin/logs", Endpoint::Logs),
    (Get, "/api/admin/logs/warnings", Endpoint::Warnings),
    (Get, "/api/admin/viewersOverTime", Endpoint::ViewersOverTime),
    (Get, "/api/admin/hardwarestats", Endpoint::HardwareStats),
    (Post, "/api/admin/config/key", Endpoint::Set(S::StreamKey)),
    (Post, "/api/admin/config/streamkeys", Endpoint::Set(S::StreamKeys)),
    (Post, "/api/admin/config/adminpass", Endpoint::Set(S::AdminPassword)),
    (Post, "/api/admin/config/name", Endpoint::Set(S::Name)),
    (Post, "/api/admin/config/serversummary", Endpoint::Set(S::Summary)),
    (Post, "/api/admin/config/streamtitle", Endpoint::Set(S::StreamTitle)),
    (Post, "/api/admin/config/pagecontent", Endpoint::Set(S::PageContent)),
    (Post, "/api/admin/config/customstyles", Endpoint::Set(S::CustomStyles)),
    (Post, "/api/admin/config/appearance", Endpoint::Set(S::Appearance)),
    (Post, "/api/admin/config/welcomemessage", Endpoint::Set(S::WelcomeMessage)),
    (Post, "/api/admin/config/offlinemessage", Endpoint::Set(S::OfflineMessage)),
    (Post, "/api/admin/config/logo", Endpoint::Set(S::Logo)),
    (Post, "/api/admin/config/tags", Endpoint::Set(S::Tags)),
    (Post, "/api/admin/config/nsfw", Endpoint::Set(S::Nsfw)),
    (Post, "/api/admin/config/socialhandles", Endpoint::Set(S::SocialHandles)),
    (Post, "/api/admin/config/externalactions", Endpoint::Set(S::ExternalActions)),
    (Post, "/api/admin/config/hideviewercount", Endpoint::Set(S::HideViewerCount)),
    (Post, "/api/admin/config/serverurl", Endpoint::Set(S::ServerUrl)),
    (Post, "/api/admin/config/directoryenabled", Endpoint::Set(S::DirectoryEnabled)),
    (Post, "/api/admin/config/webserverport", Endpoint::Set(S::WebServerPort)),
    (Post, "/api/admin/config/webserverip", Endpoint::Set(S::WebServerIp)),
    (Post, "/api/admin/config/rtmpserverport", Endpoint::Set(S::RtmpServerPort)),
    (Post, "/api/admin/config/ffmpegpath", Endpoint::Set(S::FfmpegPath)),
    (Post, "/api/admin/config/video/streamlatencylevel", Endpoint::Set(S::LatencyLevel)),
    (Post, "/api/admin/config/video/streamoutputvariants", Endpoint::Set(S::Variants)),
    (Post, "/api/admin/config/video/codec", Endpoint::Set(S::Codec)),
    (Post, "/api/admin/config/s3", Endpoint::Set(S::Storage)),
    (Post, "/api/admin/config/chat/disable", Endpoint::Set(S::ChatDisabled)),
    (Post, "/api/admin/config/chat/forbiddenusernames", Endpoint::Set(S::ForbiddenUsernames)),
    (Post, "/api/admin/config/chat/suggestedusernames", Endpoint::Set(S::SuggestedUsernames)),
    (Post, "/api/admin/config/chat/joinmessagesenabled", Endpoint::Set(S::JoinMessages)),
    (Post, "/api/admin/config/chat/establishedusermode", Endpoint::Set(S::EstablishedUsers)),
    (Post, "/api/admin/config/chat/retention", Endpoint::Set(S::ChatRetention)),
    (Post, "/api/admin/pagecontent/preview", Endpoint::PreviewPage),
    (Get, "/api/admin/chat/clients", Endpoint::Chat(M::Clients)),
    (Get, "/api/admin/chat/messages", Endpoint::Chat(M::Messages)),
    (Post, "/api/admin/chat/updatemessagevisibility", Endpoint::Chat(M::SetVisible)),
    (Post, "/api/admin/chat/messagevisibility", Endpoint::Chat(M::SetVisible)),
    (Get, "/api/admin/chat/users/disabled", Endpoint::Chat(M::Disabled)),
    (Get, "/api/admin/users/disabled", Endpoint::Chat(M::Disabled)),
    (Post, "/api/admin/chat/users/setenabled", Endpoint::Chat(M::SetEnabled)),
    (Get, "/api/admin/chat/users/moderators", Endpoint::Chat(M::Moderators)),
    (Post, "/api/admin/chat/users/setmoderator", Endpoint::Chat(M::SetModerator)),
    (Get, "/api/admin/chat/users/ipbans", Endpoint::Chat(M::Bans)),
    (Post, "/api/admin/chat/users/ipbans/create", Endpoint::Chat(M::Ban)),
    (Post, "/api/admin/chat/users/ipbans/remove", Endpoint::Chat(M::Unban)),
    (Get, "/api/admin/webhooks", Endpoint::Webhooks),
    (Post, "/api/admin/webhooks/create", Endpoint::CreateWebhook),
    (Post, "/api/admin/webhooks/delete", Endpoint::DeleteWebhook),
    (Get, "/api/admin/webhooks/deliveries", Endpoint::WebhookDeliveries),
    (Post, "/api/admin/webhooks/test", Endpoint::TestWebhook),
    (Get, "/api/admin/accesstokens", Endpoint::Tokens),
    (Post, "/api/admin/accesstokens/create", Endpoint::CreateToken),
    (Post, "/api/admin/accesstokens/delete", Endpoint::DeleteToken),
    (Get, "/api/admin/edges", Endpoint::Edge(E::Edges)),
    (Post, "/api/admin/edges/drain", Endpoint::Edge(E::Drain)),
    (Post, "/api/admin/edges/undrain", Endpoint::Edge(E::Undrain)),
    (Post, "/api/admin/edges/rename", Endpoint::Edge(E::Rename)),
    (Get, "/api/admin/edges/explain", Endpoint::Edge(E::Explain)),
    (Post, "/api/admin/edges/revoke", Endpoint::Edge(E::RevokeEdge)),
    (Get, "/api/admin/jointokens", Endpoint::Edge(E::Tokens)),
    (Post, "/api/admin/jointokens/create", Endpoint::Edge(E::CreateToken)),
    (Post, "/api/admin/jointokens/revoke", Endpoint::Edge(E::RevokeToken)),
    (Post, "/api/admin/emoji/upload", Endpoint::AddEmoji),
    (Post, "/api/admin/emoji/delete", Endpoint::RemoveEmoji),
    (Get, "/api/admin/metrics/video", Endpoint::VideoMetrics),
    (Get, "/api/admin/metrics/playback", Endpoint::Playback),
    (Get, "/api/admin/prometheus", Endpoint::Prometheus),
    (Get, "/api/admin/viewers", Endpoint::Nothing(N::List)),
    (Get, "/api/admin/followers", Endpoint::Nothing(N::Page)),
    (Get, "/api/admin/followers/pending", Endpoint::Nothing(N::List)),
    (Get, "/api/admin/followers/blocked", Endpoint::Nothing(N::List)),
    (Post, "/api/admin/followers/approve", Endpoint::Absent(A::FollowerApproval)),
    (Get, "/api/admin/federation/actions", Endpoint::Nothing(N::Page)),
    (Post, "/api/admin/federation/send", Endpoint::Absent(A::FederationPost)),
    (Get, "/api/admin/update/options", Endpoint::Nothing(N::Updates)),
    (Post, "/api/admin/config/federation/enable", Endpoint::Absent(A::Federation)),
    (Post, "/api/admin/config/federation/private", Endpoint::Absent(A::FederationPrivate)),
    (Post, "/api/admin/config/federation/showengagement", Endpoint::Absent(A::FederationEngagement)),
    (Post, "/api/admin/config/federation/username", Endpoint::Absent(A::FederationUsername)),
    (Post, "/api/admin/config/federation/livemessage", Endpoint::Absent(A::FederationMessage)),
    (Post, "/api/admin/config/federation/blockdomains", Endpoint::Absent(A::FederationBlocks)),
    (Post, "/api/admin/config/notifications/discord", Endpoint::Absent(A::Discord)),
    (Post, "/api/admin/config/notifications/browser", Endpoint::Absent(A::Browser)),
    (Post, "/api/admin/config/notifications/twitter", Endpoint::Absent(A::Twitter)),
    (Post, "/api/admin/config/customjavascript", Endpoint::Absent(A::Javascript)),
    (Post, "/api/admin/config/disablesearchindexing", Endpoint::Absent(A::SearchOptOut)),
    (Post, "/api/admin/config/videoservingendpoint", Endpoint::Absent(A::VideoEndpoint)),
    (Post, "/api/admin/config/sockethostoverride", Endpoint::Absent(A::SocketHost)),
    (Post, "/api/admin/config/chat/spamprotectionenabled", Endpoint::Absent(A::SpamProtection)),
    (Post, "/api/admin/config/chat/slurfilterenabled", Endpoint::Absent(A::SlurFilter)),
    (Post, "/api/admin/config/chat/requireauthentication", Endpoint::Absent(A::ChatLogin)),
]);

/// Paths and methods, to be compared with the contract.
pub fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    ROUTES.0.iter().map(|&(method, path, _)| (method, path))
}

impl Setter {
    /// Most bytes of a body.
    pub(super) fn max_body_bytes(self) -> usize {
        match self {
            // A data URI of a picture of MAX_LOGO_BYTES.
            S::Logo => 2 * 1024 * 1024,
            S::PageContent | S::CustomStyles => 256 * 1024,
            _ => farcast_api::body::MAX_BODY_BYTES,
        }
    }

    /// Owncast's success message for this setter.
    pub(super) fn done(self) -> &'static str {
        match self {
            S::CustomStyles => "custom styles updated",
            S::Appearance => "appearance updated",
            S::SocialHandles => "social handles updated",
            S::ExternalActions => "external actions update",
            S::ServerUrl => "server url set",
            S::DirectoryEnabled => "directory state changed",
            S::WebServerPort => "HTTP port set, it holds from the next start on",
            S::WebServerIp => "HTTP listen address set, it holds from the next start on",
            S::RtmpServerPort => "rtmp port set, it holds from the next start on",
            S::LatencyLevel => "set stream latency",
            S::Variants => "stream output variants updated",
            S::Codec => "video codec updated",
            S::Storage => "storage configuration changed",
            S::ChatDisabled => "chat disabled status updated",
            S::ForbiddenUsernames => "forbidden username list updated",
            S::SuggestedUsernames => "suggested username list updated",
            S::JoinMessages => "chat join message status updated",
            S::EstablishedUsers => "chat established user mode updated",
            _ => "changed",
        }
    }
}
