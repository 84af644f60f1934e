import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from './judge.js';
import { ports, program } from './program.js';

const EDGE = `farcast-edge 0.1.0: Serves.

Commands, in place of running:
  farcast-edge check-health PATH [--SETTING VALUE]...
        Ask for PATH.

Settings:
  --join-token VALUE
        Join token.
        [join_token, FARCAST_JOIN_TOKEN; a secret text]
  --http-listen VALUE
        Viewers.
        [http_listen, FARCAST_HTTP_LISTEN; an address and port, such as 127.0.0.1:8000 or
        [::]:8000; default 0.0.0.0:8080]
  --metrics-listen VALUE
        Metrics.
        [metrics_listen, FARCAST_METRICS_LISTEN; an address and port, such as 127.0.0.1:8000 or
        [::]:8000; default 127.0.0.1:9191]
  --name VALUE
        Its name.
        [name, FARCAST_NAME; a text]
`;

const DOCKERFILE = `# Images.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim
ARG FDB_IMAGE=docker.io/foundationdb/foundationdb:7.3.80
FROM \${RUST_IMAGE} AS programs
FROM scratch AS edge
ARG VERSION=0.1.0
# A comment.
ENV FARCAST_METRICS_LISTEN=0.0.0.0:9191 \\
    LD_LIBRARY_PATH=/x
USER 65532:65532
EXPOSE 8080/tcp 9191/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s \\
  CMD ["/usr/local/bin/farcast-edge", "check-health", "/healthz"]
ENTRYPOINT ["/usr/local/bin/farcast-edge"]
`;

const COMPOSE = `x-edge: &edge
  image: farcast/edge:0.1.0
  restart: unless-stopped
  read_only: true
  user: "65532:65532"
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  stop_grace_period: 60s
  mem_limit: 1g
  pids_limit: 512
  ulimits: { nofile: 65536 }
  healthcheck: { test: ["CMD", "/usr/local/bin/farcast-edge", "check-health", "/healthz"] }
services:
  edge1:
    <<: *edge
    environment: { FARCAST_NAME: edge1 }
    ports: ["\${FARCAST_PUBLISH:-0.0.0.0}:80:8080/tcp"]
`;

const POD = `apiVersion: apps/v1
kind: Deployment
metadata: { name: farcast-edge }
spec:
  template:
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 75
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: edge
          image: farcast/edge
          ports: [{ name: http, containerPort: 8080 }, { name: metrics, containerPort: 9191 }]
          lifecycle: { preStop: { sleep: { seconds: 15 } } }
          startupProbe: { httpGet: { path: /healthz, port: metrics } }
          livenessProbe: { httpGet: { path: /healthz, port: metrics } }
          readinessProbe: { httpGet: { path: /readyz, port: metrics } }
          resources: { limits: { memory: 1Gi } }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
`;

const GOOD = {
  'Cargo.toml': '[workspace.package]\nversion = "0.1.0"\n',
  'rust-toolchain.toml': 'channel = "1.95.0"\n',
  'infra/docker/Dockerfile': DOCKERFILE,
  'infra/docker/compose.yaml': COMPOSE,
  'infra/docker/prometheus.yml': 'scrape_configs: [{ job_name: farcast-edge, static_configs: [{ targets: ["a:9191"] }] }]\n',
  'infra/kubernetes/base/edge.yaml': POD,
  'infra/kubernetes/base/kustomization.yaml':
    'images: [{ name: farcast/edge, newTag: 0.1.0 }]\nconfigMapGenerator: [{ name: farcast-edge, literals: [FARCAST_NAME=a=b] }]\n',
  'infra/farcast-edge.example.toml': 'http_listen = "x"\n# metrics_listen = "x"\n# name = "x"\n# join_token = "…"\n',
  'infra/systemd/farcast-edge.service': 'ExecStart=/usr/local/bin/farcast-edge --config FILE --name x\n',
};

const programs = new Map([['edge', program('farcast-edge', EDGE)]]);

/** The faults after a file has `instead` where it had `text`. */
function faultsWith(file, text, instead) {
  assert.ok(GOOD[file].includes(text), `${file} has no ${text}`);
  return judge(new Map(Object.entries({ ...GOOD, [file]: GOOD[file].replace(text, instead) })), programs);
}

test('a help says settings with their defaults, commands and ports', () => {
  const edge = programs.get('edge');
  assert.deepEqual([...edge.settings.keys()], ['join_token', 'http_listen', 'metrics_listen', 'name']);
  assert.deepEqual(edge.commands, ['check-health']);
  assert.ok(edge.settings.get('join_token').isSecret && !edge.settings.get('name').isSecret);
  const bound = ports(edge, { FARCAST_HTTP_LISTEN: '[::]:80' });
  assert.deepEqual([...bound], [['http', 80], ['metrics', 9191]]);
});

test('files that agree have no faults', () => {
  assert.deepEqual(judge(new Map(Object.entries(GOOD)), programs), []);
});

const CASES = [
  ['infra/docker/Dockerfile', 'FARCAST_METRICS_LISTEN', 'FARCAST_METRIC_LISTEN', 'is no setting of farcast-edge'],
  ['infra/docker/Dockerfile', 'EXPOSE 8080/tcp', 'EXPOSE 8081/tcp', 'nothing listens at 8081/tcp'],
  ['infra/docker/Dockerfile', 'USER 65532:65532', 'USER root', 'USER is no number above 0'],
  ['infra/docker/Dockerfile', 'STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGKILL', 'STOPSIGNAL is not SIGTERM'],
  ['infra/docker/Dockerfile', '"check-health"', '"health"', 'has no command health'],
  ['infra/docker/Dockerfile', '"/healthz"', '"/health"', 'answers nothing at /health'],
  ['infra/docker/Dockerfile', 'rust:1.95.0', 'rust:1.90.0', 'is not of Rust 1.95.0'],
  ['infra/docker/Dockerfile', 'VERSION=0.1.0', 'VERSION=0.2.0', 'VERSION is not 0.1.0'],
  ['infra/docker/Dockerfile', 'USER 65532', 'ARG FARCAST_JOIN_TOKEN\nUSER 65532', 'FARCAST_JOIN_TOKEN would be in a layer'],
  ['infra/docker/compose.yaml', 'FARCAST_NAME', 'FARCAST_NAMES', 'FARCAST_NAMES is no setting'],
  ['infra/docker/compose.yaml', 'edge:0.1.0', 'edge:latest', 'the tag latest is not the version'],
  ['infra/docker/compose.yaml', '80:8080/tcp', '80:80/tcp', 'nothing listens at 80 '],
  ['infra/docker/compose.yaml', 'read_only: true', 'read_only: false', 'read_only is not on'],
  ['infra/docker/compose.yaml', '65532:65532', '0:0', "user is not the image's"],
  ['infra/docker/compose.yaml', 'stop_grace_period: 60s', 'stop_grace_period: 10s', 'stop_grace_period is not longer'],
  ['infra/docker/compose.yaml', '["CMD", "/usr', '["CMD-SHELL", "/usr', 'needs a shell'],
  ['infra/docker/compose.yaml', '  restart:', '  cap_drop: []\n  restart:', 'Map keys must be unique'],
  ['infra/docker/compose.yaml', 'services:', 'x: docker.io/foundationdb/foundationdb:7.1.0\nservices:', "not the Dockerfile's"],
  ['infra/docker/prometheus.yml', 'a:9191', 'a:9190', 'is not at 9191'],
  ['infra/kubernetes/base/edge.yaml', 'containerPort: 8080', 'containerPort: 80', 'http is at 8080, not 80'],
  ['infra/kubernetes/base/edge.yaml', 'path: /readyz', 'path: /ready', 'answers nothing at /ready'],
  ['infra/kubernetes/base/edge.yaml', '{ path: /readyz, port: metrics }', '{ path: /readyz, port: http }', 'does not ask the metrics'],
  ['infra/kubernetes/base/edge.yaml', 'Seconds: 75', 'Seconds: 65', 'not longer than 15 s and 50 s'],
  ['infra/kubernetes/base/edge.yaml', 'enableServiceLinks: false', 'enableServiceLinks: true', 'enableServiceLinks'],
  ['infra/kubernetes/base/edge.yaml', 'runAsUser: 65532', 'runAsUser: 1000', 'runAsUser is not'],
  ['infra/kubernetes/base/kustomization.yaml', 'newTag: 0.1.0', 'newTag: 0.0.9', 'the tag 0.0.9'],
  ['infra/kubernetes/base/kustomization.yaml', 'FARCAST_NAME=', 'FARCAST_STREAM_KEY=', 'FARCAST_STREAM_KEY is no setting'],
  ['infra/farcast-edge.example.toml', '# name = "x"\n', '', 'does not name name'],
  ['infra/farcast-edge.example.toml', 'http_listen', 'http_lissen', 'http_lissen is no setting'],
  ['infra/systemd/farcast-edge.service', '--name', '--nome', '--nome is no flag'],
];

for (const [file, text, instead, fault] of CASES) {
  test(`${file}: ${instead.trim().split('\n')[0] || `without ${text.trim()}`} is a fault`, () => {
    const faults = faultsWith(file, text, instead);
    assert.ok(faults.some((found) => found.includes(fault)), `no ${fault} in ${JSON.stringify(faults)}`);
  });
}
