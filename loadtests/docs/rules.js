// What is done with each command of the documents. The first rule that matches a command deals with it; a command without a rule
// fails the test, and so does a rule without a command.
//
//   how: 'run'        run on the deployment (deployment.js), with names and places replaced; `with` replaces more. It must end with
//                     status 0 and, with `shows`, print that. `after` names what is awaited then; `last`: after all others, since
//                     it takes away what they need; `needs`: a tool, without which it is told as not run
//        'broadcast'  run for as long as the others are, until both edges show it
//        'demo'       started, looked at by the addresses that the README names, and stopped by Ctrl-C (demo.js)
//        'make'       its target is in the Makefile, documented, and `make -n` of it succeeds (make.js)
//        'help'       a name in a sentence: the program's --help has the command and the flags
//        'elsewhere'  another test runs it: `by` is its file, which must have each of `words`
//        'absent'     needs what is not here: `why`; each of `facts`, [file, word], must hold
//
// Whatever is done with it, bash has to understand it.

const DIST = 'loadtests/test-dist.sh';
const COMPOSE = 'infra/docker/compose.yaml';
const BASE = 'infra/kubernetes/base';

export const RULES = [
  // The demo, and make.
  { command: /^make demo$/u, how: 'demo' },
  { command: /^(?:[A-Z_]+=\S+ )?make [\w-]+$/u, how: 'make' },

  // The broadcast, and the API of the origin.
  { command: /^ffmpeg -re -i FILE /u, how: 'broadcast', with: [['FILE', 'clip.mp4']] },
  { command: /^curl .*\/api\/admin\/serverconfig$/u, how: 'run', shows: /"streamKeys"/u },
  { command: /^curl .*\/config\/streamtitle$/u, how: 'run', shows: /"success":true/u },
  { command: /^curl .*\/video\/streamlatencylevel$/u, how: 'run', shows: /"success":true/u },
  { command: /^curl .*\/jointokens\/create$/u, how: 'run', shows: /"token":\s*"farcast1\./u },
  { command: /^curl .*\/api\/admin\/edges$/u, how: 'run', shows: /"frankfurt-1"/u },
  { command: /^curl .*"frankfurt-1".*\/edges\/revoke$/u, how: 'run', last: true, after: 'edge is shut out' },
  { command: /^curl .*\/edges\/drain$/u, how: 'run', with: [['farcast-edge-…', 'frankfurt-1']], after: 'edge is drained' },
  { command: /^curl .*\/edges\/undrain$/u, how: 'run', after: 'edge is ready' },
  { command: /^curl .*\/edges\/rename$/u, how: 'run' },
  { command: /^curl .*\/edges\/explain\?/u, how: 'run', shows: /"frankfurt-1"/u },

  // Commands of the programs. Without --config they are those of an installed service, as everywhere in the documents.
  { command: /^farcast-origin join-command$/u, how: 'run', shows: /^farcast-edge join farcast1\.\S+$/mu },
  {
    command: /^farcast-edge join farcast1\.…$/u,
    how: 'run',
    with: [[/$/u, ' --config /etc/farcast/edge2.toml']],
    after: 'second edge runs',
  },
  { command: /^farcast-origin doctor$/u, how: 'run', shows: /^farcast-origin: 0 problems/mu },
  { command: /^farcast-edge doctor$/u, how: 'run', shows: /^farcast-edge: 0 problems/mu },
  { command: /^farcast-edge check-health \/(?:readyz|healthz)$/u, how: 'run', shows: /^ok$/mu },
  { command: /^farcast-origin backup \/backup\/\S+ --config /u, how: 'run', shows: /: whole: made / },
  { command: /^farcast-origin check-backup \/backup\//u, how: 'run', shows: /^whole: made /mu },
  {
    command: /^farcast-origin restore \/backup\//u,
    how: 'run',
    // It wants a data folder that is not there.
    with: [['origin.toml', 'restored.toml']],
    shows: /the origin can be started/u,
  },
  {
    command: /^runuser -u farcast-origin -- farcast-origin backup FILE --config /u,
    how: 'run',
    with: [['FILE', '/backup/by-its-user']],
    shows: /: whole: made /u,
  },
  { command: /^farcast-origin backup FILE$/u, how: 'run', with: [['FILE', '/backup/by-a-name-$RANDOM']], shows: /: whole: made /u },
  {
    command: /^farcast-origin import-owncast \/opt\/owncast\/data (?:.* )?--dry-run$/u,
    how: 'run',
    shows: /Nothing has been changed/u,
  },
  { command: /^farcast-origin export settings\.json /u, how: 'run', shows: /settings\.json: written/u },
  {
    command: /^farcast-origin import settings\.json .* --dry-run$/u,
    how: 'run',
    shows: /^0 would change.*\nNothing has been changed/mu,
  },
  { command: /^farcast-origin import settings\.json --config \S+$/u, how: 'run', shows: /^0 changed/mu },
  { command: /^farcast-(?:origin|edge) [a-z-]+$/u, how: 'help' },
  { command: /^farcast-load COMMAND --help$/u, how: 'help' },

  // Load: fewer, and for less long.
  {
    command: /^farcast-load watch /u,
    how: 'run',
    with: [
      ['--clients 100', '--clients 2'],
      ['--seconds 60', '--seconds 5'],
    ],
    after: 'report',
  },
  {
    command: /^farcast-load chat .*--rate 20 /u,
    how: 'run',
    with: [
      ['--connections 10000', '--connections 20'],
      ['--rate 20', '--rate 4'],
      ['--seconds 300', '--seconds 4'],
      // The second is of a server that has a machine to itself.
      ['500ms', '10s'],
    ],
    after: 'report',
  },
  {
    command: /^farcast-load chat .*--process \$\(pidof farcast-edge\)$/u,
    how: 'run',
    with: [
      ['--connections 10000', '--connections 20'],
      ['--users 100', '--users 5'],
    ],
  },
  {
    command: /^farcast-wan --map map\.json --seed 1$/u,
    how: 'elsewhere',
    by: 'loadtests/tests/nearest/network.rs',
    words: ['join("farcast-wan")', '"--map"'],
  },

  // Packages, and what they bring.
  {
    command: /^apt install \.\/farcast-origin_\*\.deb$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['apt-get', 'install', '/root/*.deb', 'runs farcast-origin'],
  },
  {
    command: /^apt install \.\/farcast-edge_\*\.deb$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['apt-get', 'install', '/root/*.deb', 'farcast-edge)" = enabled'],
  },
  {
    command: /^apt remove$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['dpkg --remove farcast-edge farcast-origin', 'removing has deleted settings'],
  },
  {
    command: /^apt purge farcast-(?:edge|origin)$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['dpkg --purge farcast-edge farcast-origin', 'is kept'],
  },
  { command: /^\.\/install\.sh (?:origin|edge)$/u, how: 'elsewhere', by: DIST, words: ['unpacked/install.sh" edge'] },
  { command: /^man farcast-edge$/u, how: 'elsewhere', by: DIST, words: ['man --warnings --local-file'] },
  {
    command: /^systemd-analyze security farcast-edge$/u,
    how: 'run',
    needs: 'systemd-analyze',
    with: [['security farcast-edge', 'security --offline=true infra/systemd/farcast-edge.service']],
    shows: /Overall exposure level/u,
  },
  {
    command: /^systemctl (?:restart|status) farcast-origin$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['systemctl is-active', 'runs farcast-origin'],
  },
  // The log of the deployment's origin, in place of the journal.
  {
    command: /^journalctl -u farcast-origin \| grep 'stream key'$/u,
    how: 'run',
    shows: /^stream key, shown this once: \S+$/mu,
  },
  { command: /^journalctl -u farcast-origin$/u, how: 'run', shows: /origin runs/u },
  {
    command: /^chgrp farcast-edge key\.pem && chmod 640 key\.pem$/u,
    how: 'run',
    with: [['chgrp farcast-edge', 'chgrp "$(id -g)"']],
  },
  { command: /^sudo -i$/u, how: 'absent', why: 'opens a shell' },

  // Names.
  {
    command: /^dig @192\.0\.2\.7 (?:\+subnet=\S+ )?live\.example\.org$/u,
    how: 'run',
    needs: 'dig',
    shows: /status: NOERROR[\s\S]*\sA\s+192\.0\.2\.7/u,
  },

  // Containers.
  {
    command: /^docker build -f infra\/docker\/Dockerfile --target (?:origin|edge) +-t farcast\/(?:origin|edge):\S+ \.$/u,
    how: 'elsewhere',
    by: 'infra/docker/test.sh',
    words: ['podman build', '--file infra/docker/Dockerfile', '--target "$target" --tag "farcast/$target:0.1.0"'],
  },
  {
    command: /^docker exec CONTAINER \/usr\/local\/bin\/farcast-edge check-health \/readyz$/u,
    how: 'elsewhere',
    by: 'infra/docker/test.sh',
    words: ['podman exec', '/usr/local/bin/farcast-edge check-health /readyz'],
  },
  { command: /^docker stop --time 60$/u, how: 'elsewhere', by: 'infra/docker/test.sh', words: ['podman stop --time'] },
  { command: /^cd infra\/docker$/u, how: 'run' },
  { command: /^install -m 600 env\.example \.env$/u, how: 'run', with: [[/^/u, 'cd infra/docker && ']] },
  {
    command: /^docker compose (?:up|logs|exec|cp) .*\borigin\b/u,
    how: 'absent',
    why: 'needs Docker with Compose',
    facts: [[COMPOSE, '\n  origin:']],
  },
  {
    command: /^docker compose up --build --detach(?: edge1)?$/u,
    how: 'absent',
    why: 'needs Docker with Compose',
    facts: [[COMPOSE, '\n  edge1:']],
  },
  {
    command: /^docker compose -f compose\.yaml -f compose\.foundationdb\.yaml up /u,
    how: 'absent',
    why: 'needs Docker with Compose',
    facts: [['infra/docker/compose.foundationdb.yaml', '\n  origin:']],
  },
  {
    command: /^docker run --detach --name farcast-edge /u,
    how: 'absent',
    why: 'needs Docker; make test-containers starts an edge with the same restrictions by podman',
    facts: [
      ['infra/docker/Dockerfile', '/var/lib/farcast'],
      [COMPOSE, 'no-new-privileges'],
    ],
  },
  { command: /^docker buildx imagetools inspect IMAGE$/u, how: 'absent', why: 'needs Docker and a registry' },
  {
    command: /^stat -c %g \/dev\/dri\/renderD128$/u,
    how: 'run',
    with: [['/dev/dri/renderD128', '/dev/null']],
    shows: /^\d+$/mu,
  },

  // Kubernetes.
  {
    command: /^kubectl kustomize$/u,
    how: 'run',
    needs: 'kubectl',
    with: [[/$/u, ' infra/kubernetes/overlays/foundationdb']],
    shows: /name: farcast-edge/u,
  },
  {
    command: /^kubectl kustomize \S+ > rendered\.yaml$/u,
    how: 'run',
    needs: 'kubectl',
    with: [[/$/u, ' && cat rendered.yaml']],
    shows: /kind: StatefulSet/u,
  },
  {
    command: /^kubectl (?:-n farcast )?create /u,
    how: 'run',
    needs: 'kubectl',
    with: [[/$/u, ' --dry-run=client -o name']],
    shows: /^(?:namespace|secret)\/farcast/mu,
  },
  { command: /^rm join-token$/u, how: 'run' },
  {
    command: /^kubectl apply -k infra\/kubernetes\/overlays\/embedded$/u,
    how: 'absent',
    why: 'needs a cluster; the files are rendered',
    facts: [['infra/kubernetes/overlays/embedded/kustomization.yaml', 'resources: [../../base]']],
  },
  {
    command: /^kubectl -n farcast .*\b(?:statefulset\/farcast-origin|farcast-origin-0)\b/u,
    how: 'absent',
    why: 'needs a cluster',
    facts: [[`${BASE}/origin.yaml`, 'kind: StatefulSet\nmetadata:\n  name: farcast-origin\n']],
  },
  {
    command: /^kubectl -n farcast .*deployment\/farcast-edge\b/u,
    how: 'absent',
    why: 'needs a cluster',
    facts: [[`${BASE}/edge.yaml`, 'kind: Deployment\nmetadata:\n  name: farcast-edge\n']],
  },
  {
    command: /^kubectl -n farcast get service farcast-rtmp$/u,
    how: 'absent',
    why: 'needs a cluster',
    facts: [[`${BASE}/origin.yaml`, 'name: farcast-rtmp\n']],
  },
  { command: /^kubectl drain$/u, how: 'absent', why: 'needs a cluster' },
  { command: /^pip install kubernetes-validate && /u, how: 'absent', why: 'fetches a program; its input is rendered' },

  // FoundationDB.
  {
    command: /^cargo build --release .*--features foundationdb$/u,
    how: 'elsewhere',
    by: 'Makefile',
    words: ['cargo build --bins -p farcast-origin -p farcast-edge --features foundationdb'],
  },
  { command: /^install -D -m 644 infra\/systemd\/foundationdb\.conf /u, how: 'run', after: 'drop-in is read' },
  {
    command: /^systemctl reload farcast-edge$/u,
    how: 'elsewhere',
    by: DIST,
    words: ['no new edge has taken over'],
  },
  { command: /^systemctl status$/u, how: 'absent', why: 'needs systemd as the first process' },
  {
    command: /^systemctl daemon-reload && systemctl restart farcast-origin$/u,
    how: 'absent',
    why: 'needs systemd as the first process',
    facts: [['infra/systemd/farcast-origin.service', '[Service]']],
  },
  { command: /^fdb(?:cli|backup|restore) /u, how: 'absent', why: "needs FoundationDB's tools and a cluster" },
  { command: /^sudo dpkg -i foundationdb-clients_… /u, how: 'absent', why: "needs FoundationDB's packages" },
  { command: /^FDB_NETWORK_OPTION_TRACE_\w+=\S+$/u, how: 'absent', why: "is read by FoundationDB's client" },
  {
    command: /^infra\/foundationdb\/test-cluster\.sh COMMAND …$/u,
    how: 'elsewhere',
    by: 'Makefile',
    words: ['exec infra/foundationdb/test-cluster.sh $(MAKE)'],
  },

  // Grafana.
  { command: /^install -d \/var\/lib\/grafana\//u, how: 'run' },
  { command: /^cp infra\/grafana\//u, how: 'run' },
  // On a copy, in which it must change nothing.
  { command: /^node infra\/grafana\/generate\.js$/u, how: 'run', after: 'dashboards are the same' },

  // Looking for a cause.
  { command: /^du -xh --max-depth=1$/u, how: 'run', shows: /\t\.$/mu },
  { command: /^ulimit -Hn$/u, how: 'run', shows: /^(?:\d+|unlimited)$/mu },
  {
    command: /^(?:chronyc tracking|iostat -x|smartctl -a|journalctl -k)$/u,
    how: 'absent',
    why: 'is of other programs, and says what no test can know',
  },
];

/** Blocks that are neither commands nor settings, by their first line. `claims`, [file, word], must hold; `check` is in texts.js. */
export const TEXTS = [
  { first: /^problem {2}origin /u, what: 'what doctor says of an origin that is away', check: 'doctor' },
  { first: /^(?:tcp|udp) dport /u, what: 'rules of nftables', check: 'nft' },
  {
    first: /^\{ "hosts": /u,
    what: 'a map of farcast-wan',
    claims: [
      'hosts: Vec',
      'namespace: String',
      'address: Ipv4Addr',
      'place: String',
      'between: [',
      'delay_ms: f64',
      'loss: f64',
      'mtu: u16',
    ].map((word) => ['loadtests/wan/src/map.rs', word]),
  },
  { first: /^environment: \{ NVIDIA_/u, what: 'lines of a compose file' },
  { first: /^foundationdb-clients_/u, what: 'names of packages' },
  {
    first: /^WARN the store does not answer/u,
    what: 'lines of a log',
    claims: ['the store does not answer', 'the store answers again', 'outage_s', 'suppressed'].map((word) => [
      'shared/store/src/observed.rs',
      word,
    ]),
  },
  { first: /^base {2,}origin/u, what: 'folders', check: 'folders' },
  { first: /^apiVersion: kustomize/u, what: 'an overlay', check: 'overlay' },
  { first: /^live\.example\.org\. +NS /u, what: 'records of a zone' },
];

/** Settings that are in a table of the file, and that table. */
export const TABLES = { keyframes: '[[variants]]' };

/** Keys and flags between backquotes that are none of Farcast's programs: whose they are. */
export const OTHERS = {
  '--build-arg': "Docker's",
  stop_grace_period: "Compose's",
  probe_ssl_earliest_cert_expiry: "of Prometheus's blackbox exporter",
  supported_versions: "FoundationDB's",
  backup_agent: "FoundationDB's",
};
