"""An example of each step, as the documentation shows it; a test runs every one."""

EXAMPLES: dict[str, str] = {
    "add_record": """
{ function: "add_record", table: "orders", data: { item: "pen", count: 2 } },
{ function: "log", message: "order {{orders.id}} is kept" },
""",
    "aggregate_records": """
{ function: "bulk_add_records", table: "orders", records: [
  { shop: "Rome", total: 10 }, { shop: "Rome", total: 5 }, { shop: "Oslo", total: 7 },
] },
{ function: "aggregate_records", table: "orders", group_by: "shop",
  measures: { orders: "count", turnover: { sum: "total" }, best: { max: "total" } }, as: "shops" },
{ function: "log", message: "{{shops[1].shop}}: {{shops[1].turnover}}" },
""",
    "background_task": """
{ function: "background_task", task: "example", data: { n: 1 }, delay: 3600, if: "{{!input.n}}" },
""",
    "break": """
{ function: "for_each_loop", array: [1, 2, 3, 4], function_stack: [
  { function: "break", if: "{{loop_item == 3}}" },
  { function: "create_variable", name: "last", value: "{{loop_item}}" },
] },
""",
    "bulk_add_records": """
{ function: "bulk_add_records", table: "lines", records: [{ sku: "a" }, { sku: "b" }] },
{ function: "log", message: "{{length(lines)}} lines are kept" },
""",
    "bulk_edit_records": """
{ function: "bulk_add_records", table: "lines", records: [{ sku: "a" }, { sku: "b" }] },
{ function: "bulk_edit_records", table: "lines", filter: { sku: { $in: ["a", "b"] } },
  data: { count: { $inc: 10 } }, as: "changed" },
{ function: "log", message: "{{changed}} lines have ten more" },
""",
    "claim_records": """
{ function: "bulk_add_records", table: "mails", records: [{ to: "ada", sent: false }] },
{ function: "claim_records", table: "mails", filter: { sent: false }, set: { sent: true },
  sort: { created_at: "asc" }, limit: 100 },
{ function: "for_each_loop", array: "{{mails}}", function_stack: [
  { function: "log", message: "a mail to {{loop_item.to}}" },
] },
""",
    "conditional": """
{ function: "conditional", condition: "{{(input.total || 0) >= 100}}",
  true_stack: [{ function: "log", message: "a large order" }],
  false_stack: [{ function: "log", message: "a small order" }] },
""",
    "continue": """
{ function: "for_each_loop", array: ["a", "", "b"], function_stack: [
  { function: "continue", if: "{{loop_item == ''}}" },
  { function: "log", message: "{{loop_item}}" },
] },
""",
    "count_records": """
{ function: "count_records", table: "orders", filter: { total: { $gte: 100 } }, as: "large" },
{ function: "log", message: "{{large}} large orders" },
""",
    "create_variable": """
{ function: "create_variable", name: "total", value: "{{3 * 19.5}}" },
""",
    "delay_processing": """
{ function: "count_records", table: "tries" },
{ function: "add_record", table: "tries", data: { n: "{{count}}" } },
{ function: "delay_processing", delay: 60, if: "{{count < 2}}" },
""",
    "delete_record": """
{ function: "add_record", table: "drafts", data: { text: "a first thought" } },
{ function: "delete_record", table: "drafts", record_id: "{{drafts.id}}", as: "gone" },
{ function: "log", message: "{{gone}}" },
""",
    "deliver": """
{ function: "deliver", destination: "make-leads", payload: { email: "ada@example.com" } },
{ function: "deliver", destination: "make-leads", items: [{ n: 1 }, { n: 2 }], batch_size: 100 },
{ function: "keep_file", content: "a,b", name: "list.csv", content_type: "text/csv" },
{ function: "deliver", destination: "make-leads", payload: { n: 2 }, files: "{{kept}}" },
""",
    "download_dataset": """
{ function: "download_dataset", url: "https://data.example/prices.csv" },
{ function: "log", message: "{{dataset.size}} bytes, {{dataset.sha256}}" },
""",
    "edit_record": """
{ function: "add_record", table: "orders", data: { item: "pen", status: "open" } },
{ function: "edit_record", table: "orders", record_id: "{{orders.id}}", data: { status: "paid" } },
{ function: "edit_record", table: "orders", where: { status: "paid" },
  data: { prints: { $inc: 1 } } },
""",
    "emit_event": """
{ function: "emit_event", type: "order.paid", data: { order: 7 } },
""",
    "external_api_request": """
{ function: "external_api_request", url: "https://api.example.com/rates", method: "GET",
  query: { base: "EUR" }, timeout: 10000, retry: { max: 3, base_s: 5 }, as: "rates" },
{ function: "create_variable", name: "status", value: "{{rates.status}}" },
""",
    "for_each_loop": """
{ function: "for_each_loop", array: [{ sku: "a" }, { sku: "b" }], function_stack: [
  { function: "add_record", table: "lines", data: { sku: "{{loop_item.sku}}" } },
] },
{ function: "for_each_loop", array: [1, 2, 3], concurrency: 2, as: "made", function_stack: [
  { function: "create_variable", name: "square", value: "{{loop_item * loop_item}}" },
] },
{ function: "log", message: "{{pluck(made, 'square')}}" },
""",
    "get_all_raw_input": """
{ function: "get_all_raw_input", encoding: "json", output_variable: "body" },
{ function: "log", message: "{{length(body)}} fields came" },
""",
    "get_cache": """
{ function: "get_cache", key: "rate", default: 1, as: "rate" },
""",
    "generate_analysis_report": """
{ function: "download_dataset", url: "https://data.example/prices.csv" },
{ function: "process_data_in_chunks" },
{ function: "generate_analysis_report", title: "Prices" },
{ function: "log", message: "{{report.rows}} rows of {{report.columns}} columns" },
""",
    "get_record": """
{ function: "add_record", table: "users", data: { email: "ada@example.com", plan: "pro" } },
{ function: "get_record", table: "users", filter: { email: "ada@example.com" } },
{ function: "log", message: "{{users.plan}}" },
""",
    "get_system_metrics": """
{ function: "get_system_metrics", metrics: ["cpu_usage", "active_tasks"] },
{ function: "log", message: "{{system_metrics.active_tasks}} runs are under way" },
""",
    "keep_file": """
{ function: "keep_file", content: "{{csv_encode([{ sku: 'a', n: 2 }, { sku: 'b', n: 5 }])}}",
  name: "stock.csv", content_type: "text/csv" },
{ function: "upload_results", files: "{{kept}}", ttl: 3600 },
{ function: "log", message: "{{kept.size}} bytes at {{results.download_url}}" },
{ function: "process_data_in_chunks", dataset: "{{kept}}" },
{ function: "log", message: "{{processed.rows}} rows" },
""",
    "log": """
{ function: "log", message: "nothing to do", level: "warning" },
""",
    "parallel": """
{ function: "parallel", as: "both", stacks: {
  left: [{ function: "create_variable", name: "n", value: 1 }],
  right: [{ function: "create_variable", name: "n", value: 2 }],
} },
{ function: "log", message: "{{both.left.n + both.right.n}}" },
""",
    "process_next_batch": """
{ function: "add_record", table: "task_queue",
  data: { task_type: "greet", payload: { name: "Ada" }, status: "pending" } },
{ function: "process_next_batch", batch_size: 5, task_types: { greet: "example" },
  if: "{{!input.name}}" },
""",
    "process_task_immediately": """
{ function: "add_record", table: "task_queue",
  data: { task_type: "greet", payload: { name: "Ada" }, status: "pending" } },
{ function: "process_task_immediately", task_types: { greet: "example" },
  if: "{{!input.name}}" },
""",
    "process_data_in_chunks": """
{ function: "download_dataset", url: "https://data.example/prices.csv" },
{ function: "process_data_in_chunks", chunk_size: 500, function_stack: [
  { function: "bulk_add_records", table: "prices", records: "{{chunk}}" },
] },
{ function: "log", message: "{{processed.rows}} rows in {{processed.chunks}} chunks" },
""",
    "query_all_records": """
{ function: "query_all_records", table: "orders", filter: { status: "open" },
  sort: { created_at: "asc" }, limit: 10 },
{ function: "log", message: "{{length(orders)}} orders are open" },
{ function: "query_all_records", table: "orders", after: "{{last(orders)}}", limit: 10 },
""",
    "queue_task_for_processing": """
{ function: "add_record", table: "task_queue", if: "{{!input.name}}",
  data: { task_type: "greet", payload: { name: "Ada" }, status: "pending" } },
{ function: "queue_task_for_processing", delay: 30, task_types: { greet: "example" } },
""",
    "create_channel_token": """
{ function: "create_channel_token", channels: ["user_5_*"], can: ["subscribe"], ttl: 600,
  as: "access" },
{ function: "return_response", body: "{{access}}" },
""",
    "realtime_publish": """
{ function: "realtime_publish", channel: "dashboard", event: "sold", data: { total: 12.5 } },
""",
    "return_response": """
{ function: "return_response", status: 201, body: { ok: true } },
""",
    "run_task": """
{ function: "run_task", task: "example", data: { n: 1 }, as: "answer", if: "{{!input.n}}" },
{ function: "return_response", body: "{{input.n}}" },
""",
    "send_completion_notification": """
{ function: "return_response", body: { rows: 12 } },
{ function: "send_completion_notification", destination: "make-leads", message: "12 rows" },
""",
    "send_error_notification": """
{ function: "try_catch",
  try_stack: [{ function: "throw_error", message: "no rows", code: "empty" }],
  catch_stack: [
    { function: "send_error_notification", destinations: ["make-leads"],
      message: "{{error.message}}" },
  ] },
""",
    "set_cache": """
{ function: "set_cache", key: "rate", value: 1.08, ttl: 600 },
""",
    "set_progress": """
{ function: "query_all_records", table: "guests" },
{ function: "set_progress", done: 0, total: "{{length(guests)}}", message: "writing letters" },
{ function: "for_each_loop", array: "{{guests}}", function_stack: [
  { function: "set_progress", done: "{{loop_index + 1}}", total: "{{length(guests)}}" },
] },
""",
    "sleep": """
{ function: "sleep", seconds: 86400 },
""",
    "stop": """
{ function: "stop", if: "{{input.test == null}}" },
{ function: "log", message: "never reached without a test" },
""",
    "switch": """
{ function: "switch", variable: "{{input.type}}", cases: {
  refund: [{ function: "log", message: "money goes back" }],
  order: [{ function: "log", message: "money comes in" }],
}, default: [{ function: "log", message: "neither" }] },
""",
    "throw_error": """
{ function: "try_catch",
  try_stack: [{ function: "throw_error", message: "No such order.", code: "not_found" }],
  catch_stack: [{ function: "log", message: "{{error.code}}: {{error.message}}" }] },
""",
    "try_catch": """
{ function: "try_catch",
  try_stack: [{ function: "external_api_request", url: "https://api.example.com/charge",
    data: { cents: 1250 } }],
  catch_stack: [{ function: "log", message: "{{error.message}}", level: "error" }],
  finally_stack: [{ function: "log", message: "tried" }] },
""",
    "update_variable": """
{ function: "create_variable", name: "n", value: 1 },
{ function: "update_variable", variable: "n", value: "{{n + 1}}" },
""",
    "upload_results": """
{ function: "download_dataset", url: "https://data.example/prices.csv" },
{ function: "process_data_in_chunks" },
{ function: "generate_analysis_report" },
{ function: "upload_results", ttl: 86400 },
{ function: "log", message: "{{results.download_url}} until {{results.expires_at}}" },
""",
    "upsert_record": """
{ function: "upsert_record", table: "visits", where: { page: "/prices" },
  data: { count: { $inc: 1 } } },
{ function: "log", message: "seen {{visits.count}} times" },
""",
    "verify_signature": """
{ function: "try_catch",
  try_stack: [{ function: "verify_signature", signature_header: "x-hub-signature-256",
    secret: "what both sides know" }],
  catch_stack: [{ function: "return_response", status: 401, body: "{{error.message}}" }] },
""",
    "wait_for": """
{ function: "log", message: "whoever may approve calls {{run.resume_url}}" },
{ function: "try_catch",
  try_stack: [{ function: "wait_for", timeout_s: 86400, as: "approval" }],
  catch_stack: [{ function: "log", message: "{{error.code}}: nobody has said anything" }] },
{ function: "try_catch",
  try_stack: [{ function: "wait_for", event_type: "payment.*", timeout_s: 3600,
    filter: { order: "{{input.order}}" }, as: "payment" }],
  catch_stack: [{ function: "log", message: "not paid: {{error.message}}" }] },
""",
    "while_loop": """
{ function: "create_variable", name: "n", value: 1 },
{ function: "while_loop", condition: "{{n < 100}}", max: 20, function_stack: [
  { function: "update_variable", variable: "n", value: "{{n * 2}}" },
] },
""",
}
