// Panels, rows and dashboards as Grafana keeps them, from what differs between them.
//
// Queries are written with `{@}` where the filters of the dashboard's variables go, or `{@, reason="late"}` with filters of
// their own behind. `{@stream}` filters by the stream as well.

const DATA_SOURCE = { type: 'prometheus', uid: '${datasource}' };
const FILTER = 'job=~"$job",instance=~"$instance"';
/** Of the schema that Grafana 10 and newer write; older files are migrated when they are loaded. */
const SCHEMA_VERSION = 39;
/** Grafana's grid is so many columns wide. */
const COLUMNS = 24;
const HEIGHTS = { stat: 4, timeseries: 8 };

/** A query with the filters in their places. */
export function filtered(query) {
  return query
    .replaceAll('{@stream', `{${FILTER},stream=~"$stream"`)
    .replaceAll('{@', `{${FILTER}`)
    .replaceAll(', ', ',')
    .replaceAll(',', ', ');
}

/** Quantiles of a histogram as two queries: `middle` and the slowest, by labels. */
export function quantiles(metric, filter, by = 'instance', slowest = 0.95) {
  const of = (quantile) =>
    `histogram_quantile(${quantile}, sum by (le, ${by}) (rate(${metric}_bucket{${filter}}[$__rate_interval])))`;
  const name = by
    .split(', ')
    .map((label) => `{{${label}}}`)
    .join(' ');
  return [
    [of(0.5), `${name} half of them`],
    [of(slowest), `${name} ${slowest * 100} of 100`],
  ];
}

/**
 * A panel: `title`, `about` (what to look for), `unit` (Grafana's name of it), `queries` (pairs of a query and what a series is
 * called). Optional: `kind` (`timeseries`, `stat`), `width` in columns of 24, `stacked`, `min`, `max`, `decimals`, `warn` and
 * `bad` (from where on it is orange or red; `low` if it is from there downwards), `words` (names of values).
 */
export function panel({ kind = 'timeseries', width = kind === 'stat' ? 4 : 8, ...spec }) {
  const { title, about, unit, queries } = spec;
  return {
    type: kind,
    title,
    description: about,
    datasource: DATA_SOURCE,
    gridPos: { h: HEIGHTS[kind], w: width },
    fieldConfig: { defaults: { unit, ...limits(kind, spec), ...mappings(spec), ...custom(kind, spec) }, overrides: [] },
    options: kind === 'stat' ? STAT : TIMESERIES,
    targets: queries.map(([query, name], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATA_SOURCE,
      editorMode: 'code',
      expr: filtered(query),
      legendFormat: name,
      range: kind !== 'stat',
      instant: kind === 'stat',
    })),
  };
}

const TIMESERIES = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
};
const STAT = {
  colorMode: 'background_solid',
  graphMode: 'none',
  justifyMode: 'auto',
  orientation: 'auto',
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  textMode: 'auto',
};

function limits(kind, { min, max, decimals, warn, bad, low = false }) {
  const steps = [{ color: low && bad !== undefined ? 'red' : 'green', value: null }];
  const levels = [
    { color: 'orange', value: warn },
    { color: 'red', value: bad },
  ].filter(({ value }) => value !== undefined);
  if (low) {
    // Red below `bad`, orange below `warn`, green above.
    const [orange, red] = [warn, bad];
    steps.push(...(red === undefined ? [] : [{ color: orange === undefined ? 'green' : 'orange', value: red }]));
    steps.push(...(orange === undefined ? [] : [{ color: 'green', value: orange }]));
  } else {
    steps.push(...levels);
  }
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(decimals === undefined ? {} : { decimals }),
    color: { mode: kind === 'stat' ? 'thresholds' : 'palette-classic' },
    thresholds: { mode: 'absolute', steps },
  };
}

function mappings({ words }) {
  if (words === undefined) {
    return {};
  }
  const options = Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { index, text, color }]),
  );
  return { mappings: [{ type: 'value', options }] };
}

function custom(kind, { stacked = false, warn, bad }) {
  if (kind === 'stat') {
    return {};
  }
  const line = warn === undefined && bad === undefined ? 'off' : 'line';
  return {
    custom: {
      drawStyle: 'line',
      fillOpacity: stacked ? 30 : 5,
      lineWidth: 1,
      showPoints: 'never',
      spanNulls: false,
      stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
      thresholdsStyle: { mode: line },
    },
  };
}

/** Panels beneath a line with a name. */
export function row(title, panels) {
  return { title, panels };
}

/** A variable of a dashboard, whose values are those of a label. */
export function variable(name, label, about, query) {
  return {
    name,
    label,
    description: about,
    type: 'query',
    datasource: DATA_SOURCE,
    definition: query,
    query: { query, refId: 'values' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
  };
}

/** Jobs and instances that run a program: a regular expression of its names. */
export function programs(program) {
  const of = (more, label) => `label_values(farcast_build_info{program=~"${program}"${more}}, ${label})`;
  return [
    variable('job', 'Job', 'Jobs of Prometheus that scrape such programs.', of('', 'job')),
    variable('instance', 'Instance', 'Which of them.', of(',job=~"$job"', 'instance')),
  ];
}

/** Streams that a metric of the chosen instances knows. */
export function streams(metric) {
  const query = `label_values(${metric}{job=~"$job",instance=~"$instance"}, stream)`;
  return variable('stream', 'Stream', 'Which stream.', query);
}

const SOURCE_VARIABLE = {
  name: 'datasource',
  label: 'Data source',
  description: 'The Prometheus that scrapes Farcast.',
  type: 'datasource',
  query: 'prometheus',
  current: {},
  hide: 0,
  refresh: 1,
};

/** A dashboard; its panels are placed from left to right, row by row. */
export function dashboard({ uid, title, about, variables, rows }) {
  return {
    uid,
    title,
    description: about,
    tags: ['farcast'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-30m', to: 'now' },
    timezone: 'browser',
    links: [{ type: 'dashboards', title: 'Farcast', tags: ['farcast'], asDropdown: true, keepTime: true }],
    annotations: { list: [alerts()] },
    templating: { list: [SOURCE_VARIABLE, ...variables] },
    panels: placed(rows),
  };
}

/** Where an alert began, on all panels. */
function alerts() {
  return {
    name: 'Alerts',
    enable: true,
    iconColor: 'red',
    datasource: DATA_SOURCE,
    expr: 'ALERTS{alertname=~"Farcast.*", alertstate="firing"}',
    titleFormat: '{{alertname}} {{cause}}',
    textFormat: '{{instance}} {{stream}}',
  };
}

function placed(rows) {
  const all = [];
  let y = 0;
  for (const { title, panels } of rows) {
    all.push({ type: 'row', title, collapsed: false, gridPos: { h: 1, w: COLUMNS, x: 0, y }, panels: [] });
    y += 1;
    let x = 0;
    let height = 0;
    for (const one of panels) {
      if (x + one.gridPos.w > COLUMNS) {
        [x, y, height] = [0, y + height, 0];
      }
      all.push({ ...one, gridPos: { ...one.gridPos, x, y } });
      x += one.gridPos.w;
      height = Math.max(height, one.gridPos.h);
    }
    y += height;
  }
  return all.map((one, index) => ({ id: index + 1, ...one }));
}
