"""Interceptors: code of yours around what workflows, tasks and clients do, one class a feature.

`Node(..., interceptors=[Audit()])` and `Client(..., interceptors=[Audit()])` call them in the order of the list, the
first one outermost. A class derives from one of the three here, or from several, and overrides what it needs. Each hook
gets one details object.

workflow   `WorkflowInterceptor`: with workflow code, on replays as well
task       `TaskInterceptor`: around attempts
client     `ClientInterceptor`: around starts, signals, calls, queries, cancelling, verbs
"""

from leveret.interceptors.client import (
    CallRequest,
    CancelRequest,
    ClientInterceptor,
    PageRequest,
    QueryRequest,
    ResultRequest,
    ServiceCall,
    SignalRequest,
    StartCall,
    StartRequest,
    TaskRequest,
    VerbRequest,
)
from leveret.interceptors.task import TaskInterceptor, TaskRun
from leveret.interceptors.workflow import (
    CallIssue,
    CancelIssue,
    ChildIssue,
    MethodRun,
    QueryRun,
    SignalArrival,
    SignalIssue,
    TagIssue,
    TaskIssue,
    TimerIssue,
    VerbIssue,
    WorkflowInterceptor,
)

__all__ = [
    "CallIssue",
    "CallRequest",
    "CancelIssue",
    "CancelRequest",
    "ChildIssue",
    "ClientInterceptor",
    "MethodRun",
    "PageRequest",
    "QueryRequest",
    "QueryRun",
    "ResultRequest",
    "ServiceCall",
    "SignalArrival",
    "SignalIssue",
    "SignalRequest",
    "StartCall",
    "StartRequest",
    "TagIssue",
    "TaskInterceptor",
    "TaskIssue",
    "TaskRequest",
    "TaskRun",
    "TimerIssue",
    "VerbIssue",
    "VerbRequest",
    "WorkflowInterceptor",
]
