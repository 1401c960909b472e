"""A settings file of the shape that POLARIS's own integration file has, with values of our own."""

from pathlib import Path

POLARIS_FILE = """\
trial:
  llm:
    provider: "openai"
    api_endpoint: "https://models.example/v1"
    api_key: "${TRIAL_KEY}"
    model_name: "trial-model"
    max_tokens: 1200
    temperature: 0.2
    timeout: 45.0
    max_retries: 4
    retry_delay: 1.5
    cache_ttl: 420
    enable_function_calling: false
  prompt_management:
    template_directory: "./prompts"
    enable_custom_templates: true
  tool_registry:
    default_tools: ["calculator", "plant_model"]
    custom_tools_directory: "./tools"
    enable_tool_validation: true
  conversation_management:
    max_conversations: 40
    max_messages_per_conversation: 30
    cleanup_interval_hours: 8
    enable_conversation_persistence: true
  caching:
    max_size: 800
    default_ttl: 90
    cleanup_interval: 20
    enable_cache_metrics: true

bench:
  llm:
    provider: "mock"
    api_endpoint: "http://localhost:9000"
    model_name: "bench-model"

elsewhere:
  llm:
    provider: "nobody"
    api_endpoint: "https://elsewhere.example"
    api_key: "${ELSEWHERE_KEY}"
    model_name: "other-model"

tools:
  calculator: {enabled: true, timeout: 5.0}
  plant_model: {enabled: true, cache_ttl: 120, horizon: 600}

prompts:
  system_reasoning: {max_context_length: 3000, include_history: true}
  what_if: {simulation_depth: 2}

observability:
  enable_llm_metrics: true
  metrics: [calls_total, latency_seconds]
  logging: {log_llm_requests: false, log_tool_executions: true}
  tracing: {enable_distributed_tracing: true, trace_llm_calls: true}
"""


def write_file(folder: Path, text: str) -> str:
    """The path of a settings file with this text."""
    path = folder / "llm.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
