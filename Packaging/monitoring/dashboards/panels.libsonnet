// Dashboards and panels in the form that Grafana reads (schemaVersion 39, Grafana 10.1 or later).
local datasource = { type: 'prometheus', uid: '${datasource}' };

// From left to right, and on to the next line where one is full. Grafana's lines are 24 wide.
local placed(panels) =
  std.foldl(
    function(sum, panel)
      local fits = sum.x + panel.gridPos.w <= 24;
      local x = if fits then sum.x else 0;
      local y = if fits then sum.y else sum.bottom;
      {
        x: x + panel.gridPos.w,
        y: y,
        bottom: std.max(if fits then sum.bottom else 0, y + panel.gridPos.h),
        panels: sum.panels + [panel { id: std.length(sum.panels) + 1, gridPos+: { x: x, y: y } }],
      },
    panels,
    { x: 0, y: 0, bottom: 0, panels: [] }
  ).panels;

{
  dashboard(config, uid, title, description, variables, panels):: {
    uid: uid,
    title: title,
    description: description,
    tags: config.dashboardTags,
    editable: true,
    graphTooltip: 1,
    schemaVersion: 39,
    refresh: config.dashboardRefresh,
    time: { from: config.dashboardPeriod, to: 'now' },
    timezone: 'browser',
    templating: { list: variables },
    annotations: { list: [] },
    links: [
      { title: 'hotcold', type: 'dashboards', tags: config.dashboardTags, asDropdown: true, includeVars: true, keepTime: true },
    ],
    panels: placed(panels),
  },

  datasourceVariable:: {
    name: 'datasource',
    label: 'Data source',
    type: 'datasource',
    query: 'prometheus',
  },

  // The values of a label that a metric has. `several`: as many of them as wanted, and at first all.
  labelVariable(name, label, metric, several=true):: {
    name: name,
    label: label,
    type: 'query',
    datasource: datasource,
    query: { query: 'label_values(%s, %s)' % [metric, name], refId: name },
    refresh: 2,
    sort: 1,
    multi: several,
    includeAll: several,
    [if several then 'current']: { text: ['All'], value: ['$__all'] },
  },

  row(title):: { type: 'row', title: title, collapsed: false, panels: [], gridPos: { h: 1, w: 24 } },

  // One line for each series of an expression. `legend`: may name labels, as in {{kind}}.
  query(expr, legend='')::
    { datasource: datasource, expr: expr, legendFormat: legend, refId: 'A' },

  // The last values as a table.
  tableQuery(expr):: self.query(expr) { format: 'table', instant: true, range: false },

  local panel(type, title, description, unit, queries, width, height) = {
    type: type,
    title: title,
    description: description,
    datasource: datasource,
    gridPos: { h: height, w: width },
    targets: [queries[index] { refId: std.char(65 + index) } for index in std.range(0, std.length(queries) - 1)],
    fieldConfig: { defaults: { unit: unit, color: { mode: 'palette-classic' } }, overrides: [] },
  },

  // Lines over time.
  lines(title, unit, queries, description='', width=12, stacked=false)::
    panel('timeseries', title, description, unit, queries, width, 8) {
      fieldConfig+: {
        defaults+: {
          min: 0,
          custom: {
            fillOpacity: if stacked then 20 else 0,
            showPoints: 'never',
            stacking: { mode: if stacked then 'normal' else 'none', group: 'A' },
          },
        },
      },
      options: {
        legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'] },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  // One number. Red from `bad` on, where that is given; or below it.
  number(title, unit, query, description='', width=4, bad=null, badBelow=null)::
    local steps =
      if bad != null then [{ color: 'green', value: null }, { color: 'red', value: bad }]
      else if badBelow != null then [{ color: 'red', value: null }, { color: 'green', value: badBelow }]
      else [{ color: 'text', value: null }];
    panel('stat', title, description, unit, [query], width, 4) {
      fieldConfig+: {
        defaults+: { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: steps } },
      },
      options: {
        colorMode: 'value',
        graphMode: 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        textMode: 'auto',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      },
    },

  // One line for each set of labels, one column for each query. `columns`: the labels, then title and unit of each query.
  table(title, labels, columns, queries, description='', width=24)::
    panel('table', title, description, 'short', queries, width, 9) {
      local values = ['Value #%s' % std.char(65 + index) for index in std.range(0, std.length(columns) - 1)],
      fieldConfig+: {
        overrides: [
          {
            matcher: { id: 'byName', options: values[index] },
            properties: [
              { id: 'displayName', value: columns[index][0] },
              { id: 'unit', value: columns[index][1] },
            ],
          }
          for index in std.range(0, std.length(columns) - 1)
        ],
      },
      options: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: [] } },
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true },
            indexByName: {
              [name]: std.find(name, labels + values)[0]
              for name in labels + values
            },
            renameByName: {},
          },
        },
      ],
    },
}
