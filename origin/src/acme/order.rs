//! One order (RFC 8555 §7.4): the names are proved, then the authority signs a key that is made for it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farcast_certificates::{Answer, Challenge, Checked, Domain, InvalidDomain, Pair, PairError};
use farcast_store::StoreError;
use instant_acme::{
    AccountCredentials, AuthorizationStatus, Error, ExternalAccountKey, Identifier, KeyAuthorization,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::client::Client;
use super::config::{ChallengeKind, Config};

/// The authority's type of problem for too many requests (RFC 8555 §6.7).
const RATE_LIMITED: &str = "urn:ietf:params:acme:error:rateLimited";

/// Waiting for the authority: from half a second on, for five minutes.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(300));

/// Makes answers to challenges known to whoever may be asked for them.
pub(super) trait Announce {
    /// Announces these in place of the ones before; when it returns they are known.
    fn announce(&self, challenges: Vec<Challenge>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An account at an authority.
pub(super) struct Account {
    account: instant_acme::Account,
    client: Client,
}

/// The reason why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// The authority cannot be asked, or refuses.
    #[error("{}", .error)]
    Authority { error: Error, retry_after: Option<Duration> },
    /// An answer of the authority, or something kept, is not what it should be.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The authority asks for proofs that are not allowed here.
    #[error("the authority does not offer {} for {domain}", kind.as_str())]
    NotOffered { domain: Domain, kind: ChallengeKind },
    /// The authority asks about a name that was not ordered.
    #[error("the authority asks about another name: {0}")]
    Name(#[from] InvalidDomain),
    /// The names were looked at, and not found to be ours.
    #[error("the authority did not find the names to be ours, by {}: {detail}", kind.as_str())]
    NotProved { kind: ChallengeKind, detail: String },
    /// The order ended otherwise.
    #[error("the order is {0:?}")]
    Ended(OrderStatus),
    /// A key or request cannot be made.
    #[error("a certificate request cannot be made: {0}")]
    Request(#[from] rcgen::Error),
    /// The certificate that came is of no use.
    #[error("the certificate that came is of no use: {0}")]
    Certificate(#[from] PairError),
    /// It is for other names.
    #[error("the certificate that came is for other names: {0}")]
    OtherNames(String),
    /// The answers to challenges cannot be announced.
    #[error("the answers to challenges cannot be announced: {0}")]
    Store(#[from] StoreError),
    /// The key of the external account is no base64url.
    #[error("acme_eab_hmac_key is not base64url")]
    ExternalKey,
}

impl OrderError {
    /// True if the authority was asked too often.
    pub(super) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Authority { error: Error::Api(problem), .. }
            if problem.r#type.as_deref() == Some(RATE_LIMITED))
    }

    /// How long the authority wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Authority { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Client {
    /// An error of the authority, with the pause that it asked for.
    fn failed(&self) -> impl Fn(Error) -> OrderError + '_ {
        |error| OrderError::Authority { error, retry_after: self.retry_after() }
    }

    /// An error of the authority where it looks at names.
    fn not_proved(&self, kind: ChallengeKind) -> impl Fn(Error) -> OrderError + '_ {
        move |error| match error {
            Error::Api(problem) if problem.r#type.as_deref() != Some(RATE_LIMITED) => {
                OrderError::NotProved { kind, detail: problem.to_string() }
            }
            error => self.failed()(error),
        }
    }
}

impl Account {
    /// The account of these credentials.
    pub(super) async fn open(config: &Config, credentials: AccountCredentials) -> Result<Self, OrderError> {
        let client = Self::client(config)?;
        let builder = instant_acme::Account::builder_with_http(Box::new(client.clone()));
        let account = builder.from_credentials(credentials).await.map_err(client.failed())?;
        Ok(Self { account, client })
    }

    /// A new account. Whoever configures the authority has agreed to its terms of service.
    pub(super) async fn create(config: &Config) -> Result<(Self, AccountCredentials), OrderError> {
        let client = Self::client(config)?;
        let contact = config.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let external = match &config.external {
            Some(external) => {
                let key = URL_SAFE_NO_PAD.decode(external.hmac_key.expose().trim_end_matches('='));
                let key = key.map_err(|_| OrderError::ExternalKey)?;
                Some(ExternalAccountKey::new(external.key_id.clone(), &key))
            }
            None => None,
        };
        let builder = instant_acme::Account::builder_with_http(Box::new(client.clone()));
        let made = builder.create(&new, config.directory.clone(), external.as_ref()).await;
        let (account, credentials) = made.map_err(client.failed())?;
        Ok((Self { account, client }, credentials))
    }

    fn client(config: &Config) -> Result<Client, OrderError> {
        let authority = |error| OrderError::Authority { error, retry_after: None };
        Client::new(config.root.as_deref()).map_err(authority)
    }
}

/// A certificate for these names, proved in this way. Takes as long as the authority does. When it is dropped the authority
/// forgets the order after a while.
pub(super) async fn obtain(
    account: &Account,
    domains: &[Domain],
    kind: ChallengeKind,
    announce: &impl Announce,
) -> Result<(Pair, Checked), OrderError> {
    let Account { account, client } = account;
    let identifiers: Vec<_> = domains.iter().map(|domain| Identifier::Dns(domain.to_string())).collect();
    let order = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = order.map_err(client.failed())?;
    let challenges = challenges(&mut order, kind, client).await?;
    if !challenges.is_empty() {
        announce.announce(challenges).await?;
        tell_ready(&mut order, kind, client).await?;
    }
    match order.poll_ready(&PATIENCE).await.map_err(client.not_proved(kind))? {
        OrderStatus::Ready => {}
        OrderStatus::Invalid => {
            return Err(OrderError::NotProved { kind, detail: detail(&mut order).await });
        }
        other => return Err(OrderError::Ended(other)),
    }
    let (key, request) = request(domains)?;
    order.finalize_csr(&request).await.map_err(client.failed())?;
    let chain_pem = order.poll_certificate(&PATIENCE).await.map_err(client.failed())?;
    let pair = Pair { chain_pem, key_pem: key.serialize_pem() };
    let checked = pair.check()?;
    if !checked.covers(domains) {
        return Err(OrderError::OtherNames(checked.names.join(", ")));
    }
    Ok((pair, checked))
}

/// The answers to the challenges of an order; none for names that the authority has found to be ours before.
async fn challenges(
    order: &mut Order,
    kind: ChallengeKind,
    client: &Client,
) -> Result<Vec<Challenge>, OrderError> {
    let mut all = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(client.failed())?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let domain = Domain::try_from(authorization.identifier().to_string())?;
        let kind = kind.of(&domain);
        match authorization.challenge(kind.into()) {
            Some(challenge) => {
                let answer = answer(kind, challenge.token.clone(), &challenge.key_authorization());
                all.push(Challenge { domain, answer });
            }
            None => return Err(OrderError::NotOffered { domain, kind }),
        }
    }
    Ok(all)
}

fn answer(kind: ChallengeKind, token: String, key: &KeyAuthorization) -> Answer {
    match kind {
        ChallengeKind::Http01 => Answer::Http { token, text: key.as_str().to_owned() },
        ChallengeKind::TlsAlpn01 => {
            let mut digest = [0; 32];
            digest.iter_mut().zip(key.digest().as_ref()).for_each(|(to, from)| *to = *from);
            Answer::TlsAlpn { digest }
        }
        ChallengeKind::Dns01 => Answer::Dns { text: key.dns_value() },
    }
}

/// Tells the authority that it may look.
async fn tell_ready(order: &mut Order, kind: ChallengeKind, client: &Client) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(client.failed())?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let domain = Domain::try_from(authorization.identifier().to_string())?;
        if let Some(mut challenge) = authorization.challenge(kind.of(&domain).into()) {
            // Some authorities have looked already.
            challenge.set_ready().await.map_err(client.not_proved(kind.of(&domain)))?;
        }
    }
    Ok(())
}

/// What the authority says about the names that it did not find to be ours.
async fn detail(order: &mut Order) -> String {
    let mut said = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        let errors = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        said.extend(errors.map(|problem| format!("{name}: {problem}")));
    }
    if said.is_empty() { "it does not say why".to_owned() } else { said.join("; ") }
}

/// A new key (P-256), and the request to sign it for these names (RFC 8555 §7.4), in DER.
fn request(domains: &[Domain]) -> Result<(KeyPair, Vec<u8>), rcgen::Error> {
    let names: Vec<String> = domains.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    let key = KeyPair::generate()?;
    let request = params.serialize_request(&key)?;
    Ok((key, request.der().to_vec()))
}
